using System.Diagnostics;
using KestrelFdmTransport.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>Where callbacks run by what they have cost. Times in microseconds.</summary>
public sealed class CallbackProfileTests
{
    private CallbackProfile _cost;

    [Fact]
    public void What_the_clock_says_alone_sends_nothing_to_the_pool()
    {
        for (int i = 0; i < 100; i++)
        {
            Add(500);
            Assert.Equal(Placement.Inline, _cost.Decide());
        }

        Assert.True(_cost.IsInDoubt);
    }

    [Fact]
    public void Callbacks_that_are_cheap_when_measured_stay_on_the_loop()
    {
        for (int i = 0; i < 100; i++)
        {
            // The clock goes on while collections and other threads have the CPU.
            Measure(_cost.IsInDoubt, clock: 400, own: 60);
            Assert.Equal(Placement.Inline, _cost.Decide());
        }
    }

    [Fact]
    public void Callbacks_that_are_slow_when_measured_go_to_the_pool()
    {
        for (int i = 0; i < 4; i++)
        {
            Measure(_cost.IsInDoubt, clock: 400, own: 300);
        }

        Assert.Equal(Placement.Pool, _cost.Decide());
        Assert.False(_cost.IsInDoubt);
    }

    [Fact]
    public void Callbacks_that_have_become_cheap_come_back()
    {
        Callbacks_that_are_slow_when_measured_go_to_the_pool();
        for (int i = 0; i < 20; i++)
        {
            Measure(measured: true, clock: 20, own: 20);
        }

        Assert.Equal(Placement.Inline, _cost.Decide());
    }

    [Fact]
    public void A_new_connection_does_not_inherit_a_doubt()
    {
        for (int i = 0; i < 100; i++)
        {
            Add(500);
        }

        Assert.Equal(Placement.Inline, CallbackProfile.ForNewConnection(_cost.Average, blocks: false).Decide());
    }

    private void Measure(bool measured, long clock, long own)
        => _cost.Add((measured ? own : clock) * Stopwatch.Frequency / 1_000_000, measured);

    private void Add(long clock) => Measure(measured: false, clock, own: 0);
}
