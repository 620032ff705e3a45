using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>Where a continuation of the application runs.</summary>
public sealed class CallbackSchedulerTests : IDisposable
{
    private readonly CallbackScheduler _scheduler = Create(maxStandbys: 1);
    private readonly Loop _loop = new();
    private CallbackProfile _profile;

    public void Dispose() => _scheduler.Stop();

    [Theory]
    [InlineData(ApplicationScheduling.ThreadPool, Placement.Pool)]
    [InlineData(ApplicationScheduling.Inline, Placement.Inline)]
    [InlineData(ApplicationScheduling.Adaptive, Placement.Inline)]
    internal void A_short_one_that_the_loop_completes_runs_where_the_scheduling_says(
        ApplicationScheduling scheduling, Placement expected)
        => Assert.Equal(expected, Decide(_scheduler, scheduling, Origin.Loop));

    [Theory]
    [InlineData(ApplicationScheduling.ThreadPool)]
    [InlineData(ApplicationScheduling.Inline)]
    [InlineData(ApplicationScheduling.Adaptive)]
    public void One_that_another_thread_completes_never_runs_on_that_thread(ApplicationScheduling scheduling)
        => Assert.Equal(Placement.Pool, Decide(_scheduler, scheduling, Origin.Foreign));

    [Fact]
    public void One_that_blocks_goes_to_the_blocking_pool_from_any_thread()
    {
        _profile.OnStalled(computes: false);

        Assert.Equal(Placement.BlockingPool, Decide(_scheduler, ApplicationScheduling.Adaptive, Origin.Loop));
        Assert.Equal(Placement.BlockingPool, Decide(_scheduler, ApplicationScheduling.Adaptive, Origin.Foreign));
    }

    [Theory]
    [InlineData(ApplicationScheduling.Adaptive, Placement.Pool)]
    [InlineData(ApplicationScheduling.Inline, Placement.Inline)]
    internal void A_loop_that_was_held_too_often_is_spared(ApplicationScheduling scheduling, Placement expected)
    {
        _loop.IsStalling = true;

        Assert.Equal(expected, Decide(_scheduler, scheduling, Origin.Loop));
    }

    [Fact]
    public void Without_standby_threads_nothing_runs_on_a_loop()
        => Assert.Equal(Placement.Pool, Decide(Create(maxStandbys: 0), ApplicationScheduling.Adaptive, Origin.Loop));

    [Fact]
    public void Only_what_adapts_learns_from_a_callback_that_has_waited()
    {
        var time = new CallbackTime(Stopwatch.Frequency, Stopwatch.Frequency, IsMeasured: true, HasWaited: true);

        _scheduler.OnCompleted(new EndpointProfile(ApplicationScheduling.Inline), ref _profile, time);
        Assert.Equal(Placement.Inline, _profile.Decide());

        _scheduler.OnCompleted(new EndpointProfile(ApplicationScheduling.Adaptive), ref _profile, time);
        Assert.Equal(Placement.BlockingPool, _profile.Decide());
    }

    [Theory]
    [InlineData(Placement.Pool, true)]
    [InlineData(Placement.BlockingPool, false)]
    internal void One_that_is_queued_runs_on_a_thread_of_its_pool(Placement placement, bool expected)
    {
        _scheduler.Start();
        using var work = new Work();

        _scheduler.Queue(new EndpointProfile(ApplicationScheduling.Adaptive), work, placement);

        work.Done.Within("the work");
        Assert.Equal(expected, work.IsPooled);
    }

    private static CallbackScheduler Create(int maxStandbys)
        => new(
            new ThreadLimits(
                Loops: 1,
                maxStandbys,
                Blocking: 1,
                new ThreadHeadroom(static () => 1, static _ => int.MaxValue, TimeProvider.System)),
            NullLogger.Instance);

    private Placement Decide(CallbackScheduler scheduler, ApplicationScheduling scheduling, Origin origin)
        => scheduler.Decide(new EndpointProfile(scheduling), in _profile, _loop, origin);

    private sealed class Work : IThreadPoolWorkItem, IDisposable
    {
        public ManualResetEventSlim Done { get; } = new();

        public bool IsPooled { get; private set; }

        public void Execute()
        {
            IsPooled = Thread.CurrentThread.IsThreadPoolThread;
            Done.Set();
        }

        public void Dispose() => Done.Dispose();
    }

    private sealed class Loop : IHandoffTarget
    {
        public string Name => "loop";

        public bool AllowsHandoff => true;

        public bool IsStalling { get; set; }

        public TimeSpan StallThreshold => TimeSpan.Zero;

        public bool TryDispatch(Handoff handoff) => false;

        public bool Run(LoopThread thread, Handoff? handoff) => true;
    }
}
