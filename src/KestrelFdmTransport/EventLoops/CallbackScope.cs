using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// A thread that runs callbacks for connections, and what it is doing at the moment: which connection it serves, since when,
/// and whether a flush of that connection waits for the callback to end.
/// </summary>
/// <remarks>One per thread, loop or pool. Written by its own thread, sampled by <see cref="DeferredFlushMonitor"/>.</remarks>
internal sealed class CallbackScope
{
    /// <summary>A callback older than this sends at once: it has shown that it is not about to end.</summary>
    private static readonly long s_deferralLimit = Stopwatch.Frequency / 5_000;

    [ThreadStatic]
    private static CallbackScope? t_scope;

    private readonly ExecutionContext? _context;
    private readonly string? _name;
    private readonly bool _ownsThread;
    private long _startedAt;
    private IoSource? _source;
    private long _word;
    private bool _deferred;

    private CallbackScope(bool ownsThread)
    {
        _ownsThread = ownsThread;
        Thread = Thread.CurrentThread;
        _name = Thread.Name;
        _context = ownsThread ? ExecutionContext.Capture() : null;
    }

    internal Thread Thread { get; }

    /// <summary>Odd inside a callback, even outside; every value is used once.</summary>
    internal long Word => Volatile.Read(ref _word);

    /// <summary>True while a flush waits for this callback to end.</summary>
    internal bool HasDeferred => Volatile.Read(ref _deferred);

    /// <summary>What the callback serves. Valid for a sampler only if <see cref="Word"/> is unchanged afterwards.</summary>
    internal IoSource? Source => Volatile.Read(ref _source);

    /// <summary>What the monitor saw at its last sample. Monitor only.</summary>
    internal long SampledWord { get; set; }

    /// <summary>The callback that the monitor has sent for. Monitor only.</summary>
    internal long SentWord { get; set; } = -1;

    /// <summary>Makes this thread's scope one whose thread is ours, so that callbacks may not leave traces on it.</summary>
    internal static void AdoptThread() => Register(new CallbackScope(ownsThread: true));

    /// <summary>Runs a callback for <paramref name="source"/> and then sends what it has flushed.</summary>
    internal static void Run(IoSource source, Action<object?> callback, object? state, ExecutionContext? context)
    {
        CallbackScope scope = t_scope ?? Register(new CallbackScope(ownsThread: false));
        if (scope._source is not null)
        {
            // Only a callback that runs another one by hand gets here; the outer one keeps its deferral.
            Invoke(callback, state, context);
            return;
        }

        scope.Enter(source);
        try
        {
            Invoke(callback, state, context);
        }
        catch (Exception exception)
        {
            // Nothing of ours throws here, so it came from foreign code: it costs that connection, not the loop.
            source.Fail(exception);
        }
        finally
        {
            scope.Leave(source);
        }
    }

    /// <summary>
    /// Called by a flush: true if it may wait because this thread is inside a young callback for <paramref name="source"/>.
    /// The caller has put the data where <see cref="IoSource.SendDeferred"/> finds it.
    /// </summary>
    internal static bool TryDefer(IoSource source)
    {
        CallbackScope? scope = t_scope;
        if (scope is null || scope._source != source)
        {
            return false;
        }

        if (scope._deferred)
        {
            return Stopwatch.GetTimestamp() - scope._startedAt < s_deferralLimit;
        }

        if (Stopwatch.GetTimestamp() - scope._startedAt >= s_deferralLimit)
        {
            return false;
        }

        Volatile.Write(ref scope._deferred, true);
        DeferredFlushMonitor.EnsureAwake();
        return true;
    }

    private static void Invoke(Action<object?> callback, object? state, ExecutionContext? context)
    {
        if (context is null)
        {
            callback(state);
        }
        else
        {
            ExecutionContext.Run(context, static pair => ((Tuple<Action<object?>, object?>)pair!).Item1(((Tuple<Action<object?>, object?>)pair).Item2), Tuple.Create(callback, state));
        }
    }

    private static CallbackScope Register(CallbackScope scope)
    {
        t_scope = scope;
        DeferredFlushMonitor.Add(scope);
        return scope;
    }

    private void Enter(IoSource source)
    {
        _startedAt = Stopwatch.GetTimestamp();
        _source = source;
        Volatile.Write(ref _word, _word + 1);
    }

    private void Leave(IoSource source)
    {
        Volatile.Write(ref _word, _word + 1);
        Volatile.Write(ref _source, null);
        if (_ownsThread)
        {
            RestoreThread();
        }

        if (_deferred)
        {
            // Cleared first: the monitor may at worst send too, and the gate lets only one of us.
            Volatile.Write(ref _deferred, false);
            Send(source);
        }
    }

    private static void Send(IoSource source)
    {
        try
        {
            source.SendDeferred();
        }
        catch (Exception exception)
        {
            source.Fail(exception);
        }
    }

    private void RestoreThread()
    {
        if (ExecutionContext.IsFlowSuppressed())
        {
            ExecutionContext.RestoreFlow();
        }

        if (_context is not null && ExecutionContext.Capture() != _context)
        {
            ExecutionContext.Restore(_context);
        }

        if (SynchronizationContext.Current is not null)
        {
            SynchronizationContext.SetSynchronizationContext(null);
        }

        if (!ReferenceEquals(Thread.Name, _name))
        {
            Thread.Name = _name;
        }
    }
}
