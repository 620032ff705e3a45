using KestrelFdmTransport.EventLoops;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

public sealed class DeadlinesTests
{
    private readonly Deadlines _deadlines = new();
    private readonly ProbeSource _first = new();
    private readonly ProbeSource _second = new();

    [Fact]
    public void Without_any_there_is_nothing_to_wait_for()
    {
        Assert.Equal(-1, _deadlines.Until(100));
        Assert.False(_deadlines.TryTakeDue(long.MaxValue, out IoSource? source));
        Assert.Null(source);
    }

    [Fact]
    public void The_wait_ends_with_the_next_one()
    {
        _deadlines.Set(_first, 500);
        _deadlines.Set(_second, 300);

        Assert.Equal(200, _deadlines.Until(100));
        Assert.Equal(0, _deadlines.Until(300));
        Assert.Equal(0, _deadlines.Until(1_000));
    }

    [Fact]
    public void Each_is_taken_once_when_it_is_due()
    {
        _deadlines.Set(_first, 500);
        _deadlines.Set(_second, 300);

        Assert.False(_deadlines.TryTakeDue(299, out _));
        Assert.True(_deadlines.TryTakeDue(300, out IoSource? source));
        Assert.Same(_second, source);
        Assert.False(_deadlines.TryTakeDue(300, out _));
        Assert.True(_deadlines.TryTakeDue(501, out source));
        Assert.Same(_first, source);
        Assert.Equal(-1, _deadlines.Until(0));
    }

    [Fact]
    public void A_new_deadline_takes_the_place_of_the_old_one()
    {
        _deadlines.Set(_first, 100);
        _deadlines.Set(_first, 900);

        Assert.Equal(900, _deadlines.Until(0));
        Assert.False(_deadlines.TryTakeDue(100, out _));
        Assert.True(_deadlines.TryTakeDue(900, out _));
        Assert.False(_deadlines.TryTakeDue(900, out _));
    }

    [Fact]
    public void A_cleared_one_does_not_come()
    {
        _deadlines.Set(_first, 100);
        _deadlines.Set(_second, 200);

        _deadlines.Clear(_first);

        Assert.Equal(200, _deadlines.Until(0));
        Assert.True(_deadlines.TryTakeDue(1_000, out IoSource? source));
        Assert.Same(_second, source);
    }
}
