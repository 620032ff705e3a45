using KestrelFdmTransport.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>When a loop wakes up without taking the CPU from whoever runs there.</summary>
public sealed class WakeupPreemptionTests
{
    private const int Wakes = 500;

    private readonly WakeupPreemption _rule = new();
    private long _preemptions;
    private long _allWakes;
    private long _cpuTime;
    private long _runDelay;

    [Fact]
    public void A_loop_whose_wakes_put_the_own_threads_aside_becomes_gentle()
    {
        Window(preempted: 0);
        Assert.False(_rule.AvoidsPreemption);

        Window(preempted: Wakes);
        Assert.True(_rule.AvoidsPreemption);
    }

    [Fact]
    public void What_happened_before_the_first_window_does_not_count()
    {
        Window(preempted: 1_000_000);

        Assert.False(_rule.AvoidsPreemption);
    }

    [Fact]
    public void A_loop_that_wakes_beside_other_processes_stays_quick()
    {
        for (int i = 0; i < 100; i++)
        {
            Window(preempted: Wakes / 5);
            Assert.False(_rule.AvoidsPreemption);
        }
    }

    [Fact]
    public void Switches_that_the_other_loops_cause_do_not_count_against_this_one()
    {
        for (int i = 0; i < 100; i++)
        {
            Window(preempted: 2 * Wakes, others: 15 * Wakes);
            Assert.False(_rule.AvoidsPreemption);
        }
    }

    [Theory]
    [InlineData(0.9, 0.7)]
    [InlineData(0.6, 0.4)]
    [InlineData(0.3, 0)]
    public void A_gentle_loop_stays_so_while_the_own_process_explains_its_waiting(double used, double waited)
    {
        BecomeGentle();
        for (int i = 0; i < WakeupPreemption.MaxWindows - 1; i++)
        {
            // One window alone, in which much is behind the others, says nothing.
            Window(preempted: 0, used: i % 4 == 0 ? 0.1 : used, waited: i % 4 == 0 ? waited / 2 : waited);
            Assert.True(_rule.AvoidsPreemption);
        }
    }

    [Fact]
    public void A_gentle_loop_that_others_keep_from_running_is_quick_again_for_a_long_time()
    {
        BecomeGentle();
        for (int i = 0; i <= WakeupPreemption.EvaluationWindows; i++)
        {
            Assert.True(_rule.AvoidsPreemption);
            Window(preempted: 0, used: 0.5, waited: 0.8);
        }

        for (int i = 0; i < WakeupPreemption.CooldownWindows; i++)
        {
            Assert.False(_rule.AvoidsPreemption);
            Window(preempted: Wakes);
        }

        Assert.False(_rule.AvoidsPreemption);
        Window(preempted: Wakes);
        Assert.True(_rule.AvoidsPreemption);
    }

    [Fact]
    public void A_loop_that_is_seldom_woken_stays_quick()
    {
        for (int i = 0; i < 100; i++)
        {
            Window(preempted: 1_000, wakes: WakeupPreemption.MinWakes - 1);
            Assert.False(_rule.AvoidsPreemption);
        }
    }

    [Fact]
    public void A_gentle_loop_stays_so_while_it_finds_much_each_time_it_wakes()
    {
        BecomeGentle();

        Window(preempted: 0, wakes: 20, events: 2_000);
        Assert.True(_rule.AvoidsPreemption);
    }

    [Theory]
    [InlineData(Wakes, (2 * Wakes) - 1)]
    [InlineData(10, (2 * WakeupPreemption.MinWakes) - 1)]
    [InlineData(0, 0)]
    public void A_gentle_loop_that_gains_nothing_is_quick_again(int wakes, long events)
    {
        BecomeGentle();

        Window(preempted: 0, wakes: wakes, events: events);
        Assert.False(_rule.AvoidsPreemption);
    }

    [Fact]
    public void A_gentle_loop_must_prove_itself_again_after_a_while()
    {
        BecomeGentle();
        int windows = 1;
        while (_rule.AvoidsPreemption && windows < 1_000)
        {
            Window(preempted: 0, wakes: 20, events: 2_000);
            windows++;
        }

        Assert.Equal(WakeupPreemption.MaxWindows + 1, windows);
        Window(preempted: 0);
        Assert.False(_rule.AvoidsPreemption);

        Window(preempted: Wakes);
        Assert.True(_rule.AvoidsPreemption);
    }

    [Fact]
    public void A_rule_that_never_brings_anything_is_tried_ever_more_seldom()
    {
        // Background threads of the process take each other's CPU all the time.
        int tries = 0;
        for (int window = 0; window < 20_000; window++)
        {
            Window(preempted: Wakes, events: Wakes);
            tries += _rule.AvoidsPreemption ? 1 : 0;
        }

        Assert.InRange(tries, 5, 15);
    }

    [Fact]
    public void A_rule_that_has_brought_something_for_a_while_is_tried_again_at_once()
    {
        for (int i = 0; i < 50; i++)
        {
            BecomeGentle();
            for (int window = 0; window < WakeupPreemption.EvaluationWindows; window++)
            {
                Window(preempted: 0);
                Assert.True(_rule.AvoidsPreemption);
            }

            Window(preempted: 0, events: Wakes);
            Assert.False(_rule.AvoidsPreemption);
        }
    }

    [Fact]
    public void No_figures_are_needed_of_a_loop_that_is_seldom_woken_or_rests()
    {
        Assert.False(_rule.NeedsSample(0));
        Assert.False(_rule.NeedsSample(WakeupPreemption.MinWakes - 1));
        Assert.True(_rule.NeedsSample(WakeupPreemption.MinWakes));

        BecomeGentle();
        Assert.True(_rule.NeedsSample(0));
        Window(preempted: 0, events: 0);
        for (int i = 0; i < WakeupPreemption.MaxWindows; i++)
        {
            Assert.False(_rule.NeedsSample(Wakes));
        }

        Assert.True(_rule.NeedsSample(Wakes));
    }

    [Fact]
    public void What_happened_in_windows_without_figures_does_not_count()
    {
        Window(preempted: 0);
        Assert.False(_rule.NeedsSample(0));

        Window(preempted: 1_000_000);
        Assert.False(_rule.AvoidsPreemption);
    }

    private void BecomeGentle()
    {
        Window(preempted: 0);
        Window(preempted: Wakes);
        Assert.True(_rule.AvoidsPreemption);
    }

    /// <param name="preempted">How often the process's threads have lost a CPU.</param>
    /// <param name="wakes">How often the loop was woken.</param>
    /// <param name="events">For how many events.</param>
    /// <param name="others">How often the other loops were woken.</param>
    /// <param name="used">The part of all CPUs' time that the process has had.</param>
    /// <param name="waited">The part of its time that the loop has waited for a CPU.</param>
    private void Window(int preempted, int wakes = Wakes, long events = 3 * Wakes, int others = 0, double used = 1, double waited = 0)
    {
        const long Length = 50_000_000;
        _preemptions += preempted;
        _allWakes += wakes + others;
        _cpuTime += (long)(used * Length);
        _runDelay += (long)(waited * Length);
        _rule.Measure(new WakeupSample(wakes, events, _allWakes, _preemptions, _cpuTime, _runDelay));
    }
}
