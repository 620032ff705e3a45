using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <content>Where the application's continuations run.</content>
internal sealed partial class ConnectionIo
{
    private CallbackProfile _profile;

    /// <summary>A continuation is about to be queued to the thread pool.</summary>
    internal void CountQueued()
    {
        if (Settings.Adapts)
        {
            Loop.Group.Backlog.Add();
        }
    }

    /// <summary>
    /// A continuation that was dispatched is about to run. The blocking pool's threads are not the pool's.
    /// </summary>
    internal void CountBegin()
    {
        if (Settings.Adapts && Thread.CurrentThread.IsThreadPoolThread)
        {
            Loop.Group.Backlog.OnStarted();
        }
    }

    internal Placement Decide(Origin origin) => origin == Origin.Loop ? Decide() : DecideElsewhere();

    /// <summary>For a continuation that the loop completes, at the top of its stack.</summary>
    internal Placement Decide()
    {
        if (!Settings.Adapts)
        {
            return Settings.RunsInline ? Placement.Inline : Placement.Pool;
        }

        Placement placement = _profile.Decide();
        return placement == Placement.Inline && (Loop.IsStalling || Loop.Group.Standbys.IsExhausted)
            ? Placement.Pool
            : placement;
    }

    /// <summary>
    /// A waiting read whose continuation runs elsewhere needs no scope here, and no monitor to watch it.
    /// </summary>
    internal override bool TryQueueCallbacks(in Completion completion)
        => completion.Flags == CompletionFlags.Received && Reader.TryQueueNotify();

    /// <summary>
    /// For a continuation that an application's call or another thread completes: never on the calling thread.
    /// </summary>
    private Placement DecideElsewhere()
        => Settings.Adapts && _profile.Decide() == Placement.BlockingPool ? Placement.BlockingPool : Placement.Pool;

    internal override bool IsAdaptive => Settings.Adapts;

    /// <summary>
    /// Callbacks that are offloaded for their cost are measured: no stall would show that they block. So are those that
    /// are about to be offloaded.
    /// </summary>
    internal override bool MeasuresBlocking
        => Settings.Adapts && (_profile.IsInDoubt || _profile.Decide() != Placement.Inline);

    internal override void Account(long ticks, bool measured, bool? waited)
    {
        if (!Settings.Adapts)
        {
            return;
        }

        _profile.Add(ticks, measured);
        if (waited == true)
        {
            OnStalled(computes: false);
        }
        else if (waited == false && _profile.Blocks)
        {
            // Classified as blocking, but it computes: the pool is right for it.
            OnStalled(computes: true);
        }
    }

    internal override void OnStalled(bool computes)
    {
        _profile.OnStalled(computes);
        if (!computes)
        {
            Settings.Endpoint.OnBlocked();
        }
    }
}
