using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>When a loop wakes up without taking the CPU from whoever runs there.</summary>
public sealed class WakeRuleTests
{
    private const int Wakes = 500;

    private readonly WakeRule _rule = new();
    private long _preemptions;

    [Fact]
    public void A_loop_whose_wakes_put_the_own_threads_aside_becomes_gentle()
    {
        Window(preempted: 0);
        Assert.False(_rule.IsGentle);

        Window(preempted: Wakes);
        Assert.True(_rule.IsGentle);
    }

    [Fact]
    public void What_happened_before_the_first_window_does_not_count()
    {
        Window(preempted: 1_000_000);

        Assert.False(_rule.IsGentle);
    }

    [Fact]
    public void A_loop_that_wakes_beside_other_processes_stays_quick()
    {
        for (int i = 0; i < 100; i++)
        {
            Window(preempted: Wakes / 3);
            Assert.False(_rule.IsGentle);
        }
    }

    [Fact]
    public void A_loop_that_is_seldom_woken_stays_quick()
    {
        for (int i = 0; i < 100; i++)
        {
            Window(preempted: 1_000, wakes: WakeRule.FewWakes - 1);
            Assert.False(_rule.IsGentle);
        }
    }

    [Fact]
    public void A_gentle_loop_stays_so_while_it_finds_much_each_time_it_wakes()
    {
        BecomeGentle();

        Window(preempted: 0, wakes: 20, events: 2_000);
        Assert.True(_rule.IsGentle);
    }

    [Theory]
    [InlineData(Wakes, (2 * Wakes) - 1)]
    [InlineData(10, (2 * WakeRule.FewWakes) - 1)]
    [InlineData(0, 0)]
    public void A_gentle_loop_that_gains_nothing_is_quick_again(int wakes, long events)
    {
        BecomeGentle();

        Window(preempted: 0, wakes, events);
        Assert.False(_rule.IsGentle);
    }

    [Fact]
    public void A_gentle_loop_must_prove_itself_again_after_a_while()
    {
        BecomeGentle();
        int windows = 1;
        while (_rule.IsGentle && windows < 1_000)
        {
            Window(preempted: 0, wakes: 20, events: 2_000);
            windows++;
        }

        Assert.Equal(WakeRule.Term + 1, windows);
        Window(preempted: 0);
        Assert.False(_rule.IsGentle);

        Window(preempted: Wakes);
        Assert.True(_rule.IsGentle);
    }

    private void BecomeGentle()
    {
        Window(preempted: 0);
        Window(preempted: Wakes);
        Assert.True(_rule.IsGentle);
    }

    private void Window(int preempted, int wakes = Wakes, long events = 3 * Wakes)
    {
        _preemptions += preempted;
        _rule.Measure(wakes, events, _preemptions);
    }
}
