using System;
using System.Threading;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>A source that does what the test says.</summary>
internal sealed class ProbeSource : IoSource, ICallbackOwner, IMigratable<EventLoop>
{
    private int _closed;
    private int _deferredSends;
    private int _stalls;
    private bool _stopped;

    public Action<uint> OnServe { get; init; } = static _ => { };

    public Action<LoopCommand> OnCommanded { get; init; } = static _ => { };

    /// <summary>User code that runs after each dispatch.</summary>
    public Action? OnCallbacks { get; init; }

    public Action<Exception> OnFailed { get; init; } = static _ => { };

    public Action OnClosing { get; init; } = static () => { };

    /// <summary>User code that runs after the close.</summary>
    public Action? OnCloseCallbacks { get; init; }

    public Action<ProbeSource> OnStop { get; init; } = static source => source.Post(LoopCommand.Close);

    /// <summary>Gets what the monitor thinks: false if the callback waits for something.</summary>
    public Action<bool> OnStall { get; init; } = static _ => { };

    public Action OnSendDeferred { get; init; } = static () => { };

    public Action OnAccount { get; init; } = static () => { };

    /// <summary>What the source does to move; without it, it stays.</summary>
    public Action<ProbeSource, EventLoop>? OnMove { get; init; }

    public bool MeasuresCallbacks => false;

    public int Closed => Volatile.Read(ref _closed);

    public int DeferredSends => Volatile.Read(ref _deferredSends);

    public int Stalls => Volatile.Read(ref _stalls);

    internal override Completion OnReady(uint events)
    {
        OnServe(events);
        return OnCallbacks is null ? Completion.None : new Completion(CompletionFlags.Received);
    }

    internal override Completion OnCommand(LoopCommand command)
    {
        if ((command & LoopCommand.Close) != LoopCommand.None)
        {
            Loop.CloseAtEndOfIteration(this);
        }

        OnCommanded(command);
        return Completion.None;
    }

    public bool TryMigrateTo(EventLoop destination)
    {
        OnMove?.Invoke(this, destination);
        return OnMove is not null;
    }

    internal override void RunCallbacks(in Completion completion)
    {
        if (completion.HasFlag(CompletionFlags.LoopStopping))
        {
            _stopped = true;
            OnStop(this);
            return;
        }

        (completion.HasFlag(CompletionFlags.Closed) ? OnCloseCallbacks : OnCallbacks)?.Invoke();
    }

    internal override void Fail(Exception cause) => OnFailed(cause);

    internal override Completion OnClose()
    {
        Interlocked.Increment(ref _closed);
        if (_stopped)
        {
            Loop.Deregister(this);
        }

        OnClosing();
        return OnCloseCallbacks is null ? Completion.None : new Completion(CompletionFlags.Closed);
    }

    public void SendDeferred()
    {
        Interlocked.Increment(ref _deferredSends);
        OnSendDeferred();
    }

    public void SendFromMonitor()
        => ThreadPool.UnsafeQueueUserWorkItem(UserCode.SendDeferred, this, preferLocal: false);

    public void OnCallbackCompleted(in CallbackTime time) => OnAccount();

    public void OnStalled(bool computes)
    {
        OnStall(computes);
        Interlocked.Increment(ref _stalls);
    }
}
