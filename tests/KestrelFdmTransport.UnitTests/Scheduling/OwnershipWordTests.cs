using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>Of the thread that leaves a callback and those that take its loop, one succeeds.</summary>
public sealed class OwnershipWordTests
{
    private readonly OwnershipWord _word = new();

    [Fact]
    public void A_thread_is_inside_from_entering_to_leaving()
    {
        Assert.False(_word.IsInside);

        _word.Enter();
        Assert.True(_word.IsInside);
        Assert.False(OwnershipWord.HasLostLoop(_word.Value));

        Assert.True(_word.TryLeave());
        Assert.False(_word.IsInside);
    }

    [Fact]
    public void A_loop_is_taken_from_a_callback_once()
    {
        _word.Enter();
        long word = _word.Value;

        Assert.True(_word.TryTake(word));
        Assert.False(_word.TryTake(word));
        Assert.True(OwnershipWord.HasLostLoop(_word.Value));
        Assert.False(_word.TryLeave());
        Assert.False(_word.IsInside);
        Assert.False(OwnershipWord.HasLostLoop(_word.Value));
    }

    [Fact]
    public void A_thread_that_comes_late_takes_nothing()
    {
        _word.Enter();
        long word = _word.Value;
        _word.TryLeave();
        Assert.False(_word.TryTake(word));

        _word.Enter();
        Assert.False(_word.TryTake(word));
        Assert.True(_word.TryLeave());
    }

    [Fact]
    public async Task One_of_leaving_and_taking_succeeds()
    {
        for (int i = 0; i < 2_000; i++)
        {
            _word.Enter();
            long word = _word.Value;
            using var barrier = new Barrier(2);
            Task<bool> taking = Task.Run(() =>
            {
                barrier.SignalAndWait();
                return _word.TryTake(word);
            });
            barrier.SignalAndWait();
            bool left = _word.TryLeave();

            Assert.NotEqual(left, await taking);
        }
    }
}
