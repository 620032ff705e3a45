using System;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>The token of a wait, in an object of its own: few waits have one.</summary>
internal sealed class WaitCancellation
{
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;

    /// <summary>True from <see cref="Begin"/> to <see cref="End"/>.</summary>
    internal bool IsActive => _token.CanBeCanceled;

    /// <summary>False for a late callback of a wait that is over: it must not cancel the next one.</summary>
    internal bool IsRequested => _token.IsCancellationRequested;

    internal void Begin(Action<object?> callback, object state, CancellationToken token)
    {
        // Before registering: the callback may run at once, on this thread.
        _token = token;
        _registration = token.UnsafeRegister(callback, state);
    }

    internal CancellationToken End()
    {
        CancellationToken token = _token;
        CancellationTokenRegistration registration = _registration;
        _token = default;
        _registration = default;
        registration.Dispose();
        return token;
    }
}
