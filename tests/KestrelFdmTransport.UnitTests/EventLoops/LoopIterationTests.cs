using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>In which order a loop does what it has to.</summary>
[Collection(NonParallel.Name)]
public sealed class LoopIterationTests : IDisposable
{
    private readonly LoopFixture _loops = new();

    public void Dispose() => _loops.Dispose();

    [Fact]
    public void A_loop_serves_what_it_was_woken_for_before_it_measures_its_load()
    {
        EventLoop loop = _loops.Loop;
        using var pair = new SocketPair();
        using var served = new ManualResetEventSlim();
        bool measured = true;
        var source = new ProbeSource
        {
            Loop = loop,
            OnServe = events =>
            {
                if ((events & EpollFlags.In) != 0)
                {
                    measured = !loop.Utilization.IsDue(loop.Now);
                    served.Set();
                }
            },
        };
        _loops.Run(() => Assert.Equal(0, loop.Register(source, pair.Near.Value, EpollFlags.Connection)));
        _loops.Settle();
        LoopFixture.AwaitIdle(loop);
        long quiet = Stopwatch.GetTimestamp() + (2 * LoopUtilization.Window);
        Eventually.Until(() => Stopwatch.GetTimestamp() > quiet, "a time in which a measurement comes due");

        Assert.Equal(1, Sys.Send(pair.Far.Value, [42]));

        served.Within("the serve");
        Assert.False(measured);
    }

    [Fact]
    public void A_loop_that_sleeps_behind_a_backlog_runs_commands_first()
    {
        const int Iterations = 2_000;
        ThreadPoolBacklog backlog = _loops.Group.Scheduler.Backlog;
        for (int i = 0; i < 1_000_000; i++)
        {
            backlog.Add();
        }

        using var over = new ManualResetEventSlim();
        int iterations = 0;
        ProbeSource source = null!;
        source = new ProbeSource
        {
            Loop = _loops.Loop,
            OnCommanded = command =>
            {
                // Callbacks begin all the time, so a loop without work may sleep for two milliseconds.
                backlog.OnStarted();
                if (++iterations == Iterations)
                {
                    over.Set();
                }
                else
                {
                    source.Post(command);
                }
            },
        };
        long started = Stopwatch.GetTimestamp();

        source.Post(LoopCommand.Resume);

        // With a sleep before each check it would take four seconds at least.
        over.Within("all iterations");
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }
}
