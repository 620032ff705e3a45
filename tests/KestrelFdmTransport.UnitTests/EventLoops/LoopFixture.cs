using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>Running loops for a test.</summary>
internal sealed class LoopFixture : IDisposable
{
    public LoopFixture(
        int loops = 1, TimeSpan spin = default, TimeSpan? stallThreshold = null, int maxStandbyThreads = 64)
    {
        var settings = new EventLoopSettings
        {
            LoopCount = loops,
            SpinDuration = spin,
            AllowsHandoff = stallThreshold is not null,
            StallThreshold = stallThreshold ?? default,
            MaxStandbyThreads = maxStandbyThreads,

            // What a test's failing threads teach is not for the others.
            Headroom = new ThreadHeadroom(static () => 1, static _ => int.MaxValue, TimeProvider.System),
        };
        Group = new EventLoopGroup(settings, NullLogger.Instance);
        Loops = Group.AddUser();
    }

    public EventLoopGroup Group { get; }

    public StandbyThreads Standbys => Group.Scheduler.Standbys;

    public EventLoop[] Loops { get; }

    public EventLoop Loop => Loops[0];

    /// <summary>Runs something on the loop's thread and waits for it.</summary>
    public static void RunOn(EventLoop loop, Action action)
    {
        using var done = new ManualResetEventSlim();
        Exception? failure = null;
        var source = new ProbeSource
        {
            Loop = loop,
            OnCommanded = _ =>
            {
                action();
                done.Set();
            },
            OnFailed = exception =>
            {
                failure = exception;
                done.Set();
            },
        };
        source.Post(LoopCommand.Resume);
        done.Within("the loop to run what it was given");
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>
    /// Waits until the loops have nothing to do: one that has not come so far may look as if it were stuck.
    /// </summary>
    public static void AwaitIdle(params EventLoop[] loops)
        => Eventually.Until(
            () => Array.TrueForAll(loops, static loop => loop.Utilization.Waits),
            "loops with nothing to do");

    /// <summary>
    /// Makes the loop fail as a mistake in its own code would: it is to close a source that is none.
    /// </summary>
    public static void Fail(EventLoop loop) => RunOn(loop, () => loop.CloseAtEndOfIteration(null!));

    public void Run(Action action) => RunOn(Loop, action);

    /// <summary>Waits until the loop has handled every event and all command that there is by now.</summary>
    public void Settle()
    {
        // The iteration that runs the first command may have polled before; the one that runs the second has not.
        Run(() => { });
        Run(() => { });
    }

    public void Dispose() => Group.Dispose();
}
