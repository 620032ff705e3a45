using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// Has something happen at the worst moment, once: on the thread that reaches the point, which goes on when it is done.
/// So nothing depends on luck. For tests in the collection <see cref="NonParallel"/>, because there is one hook for the
/// process.
/// </summary>
internal sealed class AtSyncPoint : IDisposable
{
    private readonly SyncPoint _point;
    private readonly object? _subject;
    private readonly Action _event;
    private readonly ManualResetEventSlim _over = new();
    private Exception? _failure;
    private int _begun;

    public AtSyncPoint(SyncPoint point, object? subject, Action @event)
    {
        (_point, _subject, _event) = (point, subject, @event);
        SyncPoints.Handler = OnReached;
    }

    /// <summary>Waits until it has happened; fails with what it failed with.</summary>
    public void AssertHappened()
    {
        _over.Within($"somebody at the point {_point}");
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }

    public void Dispose()
    {
        SyncPoints.Handler = null;
        _over.Dispose();
    }

    private void OnReached(SyncPoint point, object? subject)
    {
        if (point != _point || subject != _subject || Interlocked.Exchange(ref _begun, 1) != 0)
        {
            return;
        }

        try
        {
            _event();
        }
        catch (Exception exception)
        {
            // The thread is the transport's; the test's own thread reports it.
            _failure = exception;
        }

        _over.Set();
    }
}
