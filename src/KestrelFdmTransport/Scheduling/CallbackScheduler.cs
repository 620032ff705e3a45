using System.Threading;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Decides where the continuations of the application run, and has the threads for those that do not run on a loop. One
/// per group of loops.
/// </summary>
/// <remarks>
/// Any thread. The state of a decision is the connection's <see cref="CallbackProfile"/>, its
/// <see cref="EndpointProfile"/>, and the loop's stall budget.
/// </remarks>
internal sealed class CallbackScheduler(ThreadLimits limits, ILogger logger)
{
    internal StandbyThreads Standbys { get; } = new(limits, logger);

    internal BlockingThreadPool BlockingThreads { get; } = new(limits.Blocking, limits.Headroom, logger);

    internal ThreadPoolBacklog Backlog { get; } = new();

    /// <summary>The loops start: threads may be created.</summary>
    internal void Start()
    {
        Standbys.Restart();
        BlockingThreads.Restart();
    }

    /// <summary>The loops have stopped: the threads end when they have nothing to do.</summary>
    internal void Stop()
    {
        Standbys.Stop();
        BlockingThreads.Stop();
    }

    /// <summary>Where a continuation runs.</summary>
    internal Placement Decide(
        EndpointProfile endpoint, in CallbackProfile profile, IHandoffTarget loop, Origin origin)
    {
        Placement placement = endpoint.Scheduling switch
        {
            ApplicationScheduling.Adaptive => profile.Decide(),
            ApplicationScheduling.Inline => Placement.Inline,
            _ => Placement.Pool,
        };
        return placement == Placement.Inline && (origin == Origin.Foreign || MustSpare(loop, endpoint))
            ? Placement.Pool
            : placement;
    }

    /// <summary>Has a continuation run on another thread, which calls <see cref="OnStarted"/> first.</summary>
    /// <returns>True if the blocking pool runs it.</returns>
    internal bool Queue(EndpointProfile endpoint, IThreadPoolWorkItem continuation, Placement placement)
    {
        if (placement == Placement.BlockingPool && BlockingThreads.TryQueue(continuation))
        {
            return true;
        }

        if (endpoint.IsAdaptive)
        {
            Backlog.Add();
        }

        ThreadPool.UnsafeQueueUserWorkItem(continuation, preferLocal: false);
        return false;
    }

    /// <summary>A continuation that was queued is about to run. The blocking pool does not count.</summary>
    internal void OnStarted(EndpointProfile endpoint)
    {
        if (endpoint.IsAdaptive && Thread.CurrentThread.IsThreadPoolThread)
        {
            Backlog.OnStarted();
        }
    }

    /// <summary>
    /// True if it is worth a system call to learn what a callback does with its time. No stall would show that those
    /// block that are offloaded for their cost. Those that are about to be offloaded must not merely seem slow.
    /// </summary>
    internal static bool MustMeasure(EndpointProfile endpoint, in CallbackProfile profile)
        => endpoint.IsAdaptive && (profile.IsInDoubt || profile.Decide() != Placement.Inline);

    /// <summary>A callback has ended that has run a continuation.</summary>
    internal void OnCompleted(EndpointProfile endpoint, ref CallbackProfile profile, in CallbackTime time)
    {
        if (!endpoint.IsAdaptive)
        {
            return;
        }

        profile.Add(time.Own, time.IsMeasured);
        if (time.HasWaited == true)
        {
            OnStalled(endpoint, ref profile, computes: false);
            return;
        }

        if (time.HasWaited == false && profile.Blocks)
        {
            // Classified as blocking, but it computes: the pool is right for it.
            OnStalled(endpoint, ref profile, computes: true);
        }

        if (time.IsMeasured && Thread.CurrentThread.IsThreadPoolThread)
        {
            Backlog.OnCompleted(time.Elapsed);
        }
    }

    /// <summary>A callback has held its loop until another thread took the loop over, or would have.</summary>
    /// <param name="computes">False if its thread is known to wait for something.</param>
    internal static void OnStalled(EndpointProfile endpoint, ref CallbackProfile profile, bool computes)
    {
        profile.OnStalled(computes);
        if (!computes)
        {
            endpoint.OnBlocked();
        }
    }

    /// <summary>True while callbacks that are short on average must not run on the loop either.</summary>
    private bool MustSpare(IHandoffTarget loop, EndpointProfile endpoint)
        => endpoint.IsAdaptive && (loop.IsStalling || Standbys.IsExhausted);
}
