using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// What most ends of a pipe never need, made when one does: an idle connection is the smaller for it.
/// </summary>
internal sealed class PipeColdState
{
    private static readonly Action<object?> s_tokenCancelled = static end => ((IPipeEnd)end!).OnTokenCancelled();

    /// <summary>
    /// What a flush waits with: a field, to be worked on in place. An idle connection waits in its reader.
    /// </summary>
    internal PipeAwaitable FlushAwaitable;

    private CompletionCallbacks? _callbacks;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;

    private PipeColdState() => FaultPoints.Hit(FaultPoint.PipeColdStateMade);

    /// <summary>What is called when the transport's end is completed.</summary>
    internal CompletionCallbacks? Callbacks => Volatile.Read(ref _callbacks);

    /// <summary>What the transport has ended the pipe with. Written before the end is published.</summary>
    internal ExceptionDispatchInfo? EndError { get; set; }

    /// <summary>What the application has completed its end with. Written before that is published.</summary>
    internal ExceptionDispatchInfo? CompletionError { get; set; }

    /// <summary>The last block that waits in the writer's outbox, as far as its producer knows.</summary>
    internal BufferSegment? OutboxTail { get; set; }

    /// <summary>True from <see cref="RegisterToken"/> to <see cref="UnregisterToken"/>.</summary>
    internal bool HasToken => _token.CanBeCanceled;

    /// <summary>False for a late callback of a wait that is over: it must not cancel the next one.</summary>
    internal bool IsTokenCancelled => _token.IsCancellationRequested;

    /// <summary>Of several threads that come at once, all get the same.</summary>
    internal static PipeColdState GetOrCreate(ref PipeColdState? place)
        => Volatile.Read(ref place) ?? Interlocked.CompareExchange(ref place, new PipeColdState(), null) ?? place;

    /// <summary>The transport ends its end of a pipe. The first of several threads says how.</summary>
    /// <param name="place">Where the pipe's state is, or will be.</param>
    /// <param name="decided">Set by the first thread.</param>
    /// <param name="ended">Set when the end can be seen.</param>
    /// <param name="error">What the pipe ends with, if it is an error.</param>
    internal static void End(ref PipeColdState? place, ref bool decided, ref bool ended, Exception? error)
    {
        // Made before it is said that there is an end: there may be no memory for it.
        PipeColdState? cold = error is null ? null : GetOrCreate(ref place);
        if (Interlocked.Exchange(ref decided, true))
        {
            return;
        }

        cold?.EndError = ExceptionDispatchInfo.Capture(error!);
        Volatile.Write(ref ended, true);
        Interlocked.MemoryBarrier();
        Volatile.Read(ref place)?.Callbacks?.Complete(error);
    }

    internal void RegisterToken(IPipeEnd end, CancellationToken token)
    {
        // Before registering: the callback may run at once, on this thread.
        _token = token;
        _registration = token.UnsafeRegister(s_tokenCancelled, end);
    }

    internal CancellationToken UnregisterToken()
    {
        CancellationToken token = _token;
        CancellationTokenRegistration registration = _registration;
        _token = default;
        _registration = default;
        registration.Dispose();
        return token;
    }

    /// <summary>Calls back when the transport's end is completed, which it may be already.</summary>
    /// <param name="ended">Says whether it is completed.</param>
    internal void AddCallback(Action<Exception?, object?> callback, object? state, ref readonly bool ended)
    {
        CompletionCallbacks callbacks =
            Callbacks ?? Interlocked.CompareExchange(ref _callbacks, new CompletionCallbacks(), null) ?? _callbacks;
        callbacks.Add(callback, state);

        // The thread that completes the end says so and then looks for callbacks; this one looks the other way round.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(in ended))
        {
            callbacks.Complete(EndError?.SourceException);
        }
    }
}
