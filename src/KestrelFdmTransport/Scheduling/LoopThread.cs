using System;
using System.Diagnostics;
using System.Runtime;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// A thread that runs user code for sources, and its current state: the source, the start of its callback, the loop
/// that waits for it, and whether a flush waits for its end.
/// </summary>
/// <remarks>
/// One per thread, loop or pool. Written by its own thread, sampled by <see cref="StallMonitor"/>. A thread owns its
/// loop only outside callbacks. <see cref="Enter"/> puts the ownership into the word, from where a standby thread may
/// take it by compare-and-swap. <see cref="Leave"/> takes it back by compare-and-swap, or learns that it is gone.
/// </remarks>
internal sealed class LoopThread
{
    private const long Inside = 1;
    private const long HandedOff = 2;
    private const long WordStep = 4;

    /// <summary>A callback older than this sends at once: it has shown that it is not about to end.</summary>
    private static readonly long s_deferralLimit = Stopwatch.Frequency / 5_000;

    private static readonly long s_millisecond = Stopwatch.Frequency / 1_000;

    [ThreadStatic]
    private static LoopThread? t_scope;

    private readonly ExecutionContext? _context;
    private readonly bool _isTransportThread;
    private readonly bool _isPooled;
    private readonly BufferCache? _buffers;
    private string? _name;
    private EventLoop? _owned;
    private EventLoop? _blockedLoop;
    private long _startedAt;
    private IoSource? _source;
    private long _word;
    private Interop.ThreadUsage _usage;
    private long _runDelay;
    private TimeSpan _paused;
    private TimeSpan _compiled;
    private long _restoredAt;
    private bool _watched;
    private bool _wasBlocked;
    private bool _deferred;
    private bool _cachingEnabled = true;

    private LoopThread(bool isOurs, bool servesLoops)
    {
        _isTransportThread = isOurs;
        Thread = Thread.CurrentThread;
        _isPooled = Thread.IsThreadPoolThread;
        _name = Thread.Name;
        _context = isOurs ? ExecutionContext.Capture() : null;
        ServesLoops = servesLoops;
        _buffers = servesLoops ? new BufferCache() : null;
        ThreadId = servesLoops ? Interop.Sys.ThreadId() : 0;
    }

    /// <summary>The calling thread's thread; null if it has run no callback yet.</summary>
    internal static LoopThread? Current => t_scope;

    internal Thread Thread { get; }

    /// <summary>True for a thread that owns a loop now and then.</summary>
    internal bool ServesLoops { get; }

    /// <summary>The kernel's number of a thread that serves loops.</summary>
    internal int ThreadId { get; }

    /// <summary>
    /// Bit 0: inside a callback. Bit 1: the loop was lost in it. Every callback has a number of its own.
    /// </summary>
    internal long Word => Volatile.Read(ref _word);

    /// <summary>True while a flush waits for this callback to end.</summary>
    internal bool HasDeferred => Volatile.Read(ref _deferred);

    /// <summary>
    /// What the callback serves. Valid for a sampler only if <see cref="Word"/> is unchanged afterwards.
    /// </summary>
    internal IoSource? Source => Volatile.Read(ref _source);

    /// <summary>
    /// The loop that stands still until the callback ends. Valid for a sampler as <see cref="Source"/> is.
    /// </summary>
    internal EventLoop? BlockedLoop => Volatile.Read(ref _blockedLoop);

    /// <summary>When the callback began. Valid for a sampler as <see cref="Source"/> is.</summary>
    internal long StartedAt => Volatile.Read(ref _startedAt);

    /// <summary>When the last callback ended.</summary>
    internal long EndedAt { get; private set; }

    /// <summary>True once the callback has run a continuation of the application.</summary>
    internal bool RanApplication { get; set; }

    /// <summary>What the monitor remembers of its samples. Monitor only.</summary>
    internal ScopeSample Sample { get; } = new();

    internal static bool IsInside(long word) => (word & Inside) != 0;

    internal static bool HasLostLoop(long word) => (word & HandedOff) != 0;

    /// <summary>True if the calling thread owns the loop and is in no callback.</summary>
    internal static bool Owns(EventLoop loop) => t_scope is { } thread && thread._owned == loop;

    /// <summary>True if the calling thread owns the loop, or is inside a callback that has not lost it.</summary>
    internal static bool Serves(EventLoop loop) => t_scope is { } thread && thread.IsServing(loop);

    /// <summary>True unless the calling thread is ours and in no callback.</summary>
    internal static bool RunsUserCode => t_scope is not { _isTransportThread: true } thread || IsInside(thread._word);

    /// <summary>Makes the calling thread one of ours, on which callbacks may not leave traces.</summary>
    internal static LoopThread Attach(bool servesLoops) => Register(new LoopThread(isOurs: true, servesLoops));

    /// <summary>Forgets the calling thread, which is about to end.</summary>
    internal static void Detach()
    {
        if (t_scope is { } thread)
        {
            t_scope = null;
            StallMonitor.Remove(thread);
        }
    }

    /// <summary>Runs a callback for <paramref name="source"/> and then sends what it has flushed.</summary>
    internal static void Run(IoSource source, Action<object?> callback, object? state, ExecutionContext? context)
    {
        LoopThread thread = t_scope ?? Register(new LoopThread(isOurs: false, servesLoops: false));
        if (thread._source is not null)
        {
            // The loop has entered already, or a callback runs another one by hand: the outer one keeps its deferral.
            thread.RanApplication = true;
            if (thread._source == source && source.MeasuresBlocking)
            {
                thread.Watch();
            }

            Invoke(callback, state, context);
            return;
        }

        // A loop's owner that does this outside of RunCallbacks keeps the loop: no standby thread takes it over.
        EventLoop? owned = thread._owned;
        thread.Enter(source, loop: null);
        thread.RanApplication = true;
        if (source.MeasuresBlocking)
        {
            thread.Watch();
        }

        try
        {
            Invoke(callback, state, context);
        }
        catch (Exception exception)
        {
            // Nothing of ours throws here, so it came from user code: it costs that connection, not the loop.
            Fail(source, exception);
        }
        finally
        {
            bool wasMeasured = thread._watched;
            try
            {
                thread.Leave(source, loop: null);
            }
            finally
            {
                thread._owned = owned;
            }

            if (source.IsAdaptive && thread._isPooled)
            {
                thread.OnPooledCallbackCompleted(source.Loop.Group, wasMeasured);
            }
        }
    }

    /// <summary>
    /// Called by a flush: true if it may wait because this thread is inside a young callback for
    /// <paramref name="source"/>. The caller has put the data where <see cref="IoSource.SendDeferred"/> finds it.
    /// </summary>
    internal static bool TryDefer(IoSource source)
    {
        LoopThread? thread = t_scope;
        if (thread is null
            || thread._source != source
            || Stopwatch.GetTimestamp() - thread._startedAt >= s_deferralLimit)
        {
            return false;
        }

        if (!thread._deferred)
        {
            Volatile.Write(ref thread._deferred, true);
            if (!StallMonitor.EnsureAwake())
            {
                // Without a monitor it would wait for as long as the callback blocks.
                Volatile.Write(ref thread._deferred, false);
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// The calling thread's blocks, if it runs for the loop and may keep blocks at the moment. A block of another
    /// loop's connection, or of a loop that was lost, would come back after the connection's end.
    /// </summary>
    /// <param name="loop">The loop of the connection that needs a block or gives one back.</param>
    /// <param name="isOwner">True outside callbacks, where the thread must not call a pool, which is user code.</param>
    internal static BufferCache? CacheFor(EventLoop loop, out bool isOwner)
    {
        LoopThread? thread = t_scope;
        isOwner = thread is not null && thread._owned == loop;
        return thread is not null && thread._cachingEnabled && thread.IsServing(loop) ? thread._buffers : null;
    }

    /// <summary>Fails the source. A log or an exception that throws must not end a thread of ours.</summary>
    internal static void Fail(IoSource source, Exception exception)
    {
        try
        {
            source.Fail(exception);
        }
        catch (Exception)
        {
            // A failure of the log cannot be reported anywhere.
        }
    }

    /// <summary>Sends what the source has waiting; what user code throws meanwhile costs the source.</summary>
    internal static void SendDeferred(IoSource source)
    {
        try
        {
            source.SendDeferred();
        }
        catch (Exception exception)
        {
            Fail(source, exception);
        }
    }

    /// <summary>Makes the calling thread the owner of the loop.</summary>
    internal void AcquireLoop(EventLoop loop)
    {
        _name = loop.Name;
        Thread.Name = _name;
        _owned = loop;
    }

    /// <summary>
    /// After an exception of our own: no callback is under way any more, if one was. The next one must find an even
    /// word, and the monitor nothing to watch.
    /// </summary>
    /// <param name="loop">The loop that the thread had when it was called.</param>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    internal bool TryAbandonCallback(EventLoop loop)
    {
        if (!IsInside(_word))
        {
            // The exception may have come at the very end of a callback that has lost the loop.
            return _owned == loop;
        }

        Volatile.Write(ref _deferred, false);
        Volatile.Write(ref _source, null);
        _cachingEnabled = true;
        return TryEnd();
    }

    /// <summary>The calling thread serves no loop any more.</summary>
    internal void ReleaseLoop(string name)
    {
        _owned = null;
        _name = name;
        Thread.Name = name;
    }

    /// <summary>Runs the source's callbacks. The loop's owner calls it at the top of its stack.</summary>
    /// <returns>False if the loop was taken over meanwhile: then the caller must not touch it any more.</returns>
    internal bool RunCallbacks(EventLoop loop, IoSource source, in Completion completion, bool caching = true)
    {
        Enter(source, loop);
        _cachingEnabled = caching;
        try
        {
            if (completion.HasFlag(CompletionFlags.Faulted))
            {
                Fail(source, completion.Error!);
            }
            else
            {
                source.RunCallbacks(completion);
            }
        }
        catch (Exception exception)
        {
            Fail(source, exception);
        }

        _cachingEnabled = true;
        return Leave(source, loop);
    }

    /// <summary>Sends what a callback has flushed that has lost this loop. The loop's new owner calls it.</summary>
    /// <returns>As <see cref="RunCallbacks"/>.</returns>
    internal bool SendFlushed(EventLoop loop, IoSource source)
    {
        Enter(source, loop);
        SendDeferred(source);
        return Leave(source, loop);
    }

    /// <summary>
    /// Gives back the blocks that are not worth keeping while the loop sleeps. The loop's owner calls it at the top of
    /// its stack.
    /// </summary>
    /// <returns>As <see cref="RunCallbacks"/>.</returns>
    internal bool TrimBuffers(EventLoop loop)
    {
        if (_buffers?.NeedsTrim() is not true)
        {
            return true;
        }

        Enter(source: null, loop);
        _buffers.Trim();
        return Leave(source: null, loop);
    }

    /// <summary>
    /// Gives back all blocks that this thread keeps. The loop's owner calls it at the top of its stack.
    /// </summary>
    /// <returns>As <see cref="RunCallbacks"/>.</returns>
    internal bool ClearBuffers(EventLoop loop)
    {
        if (_buffers?.IsEmpty is not false)
        {
            return true;
        }

        Enter(source: null, loop);
        _buffers.Clear();
        return Leave(source: null, loop);
    }

    /// <summary>Gives back all blocks that this thread keeps. The thread owns no loop.</summary>
    internal void ClearBuffers()
    {
        Debug.Assert(_owned is null, "The owner of a loop must not call a pool.");
        _buffers?.Clear();
    }

    /// <summary>
    /// Takes the loop from the thread that is inside the callback with this word. Any thread; one succeeds.
    /// </summary>
    internal bool TryTakeLoop(long word) => Interlocked.CompareExchange(ref _word, word | HandedOff, word) == word;

    private static void Invoke(Action<object?> callback, object? state, ExecutionContext? context)
    {
        if (context is null)
        {
            callback(state);
        }
        else
        {
            ExecutionContext.Run(
                context,
                static pair
                    => ((Tuple<Action<object?>, object?>)pair!).Item1(((Tuple<Action<object?>, object?>)pair).Item2),
                Tuple.Create(callback, state));
        }
    }

    private static LoopThread Register(LoopThread thread)
    {
        t_scope = thread;
        StallMonitor.Add(thread);
        return thread;
    }

    private bool IsServing(EventLoop loop)
        => _owned == loop || (_blockedLoop == loop && IsInside(_word) && !HasLostLoop(Volatile.Read(ref _word)));

    private void Enter(IoSource? source, EventLoop? loop)
    {
        _owned = null;
        RanApplication = false;
        _startedAt = Stopwatch.GetTimestamp();
        _blockedLoop = loop;
        _source = source;
        Volatile.Write(ref _word, _word + Inside);
        if (loop is not null && loop.AllowsHandoff)
        {
            // No fence between the word and the look at the monitor: a monitor that parks issues a barrier for all
            // threads.
            StallMonitor.EnsureAwake();
        }
    }

    private bool Leave(IoSource? source, EventLoop? loop)
    {
        long now = Stopwatch.GetTimestamp();
        if (_isTransportThread)
        {
            RestoreThread(now);
        }

        EndedAt = now;
        if (_deferred)
        {
            // Cleared first: the monitor may at worst send too, and the gate lets only one of us.
            Volatile.Write(ref _deferred, false);
            SendDeferred(source!);
            EndedAt = Stopwatch.GetTimestamp();
        }

        bool kept = TryEnd();
        Volatile.Write(ref _source, null);
        if (kept)
        {
            _owned = loop;
        }

        // Last: what is thrown here must find out whose the loop is.
        if (RanApplication && source is not null)
        {
            Account(source);
        }

        return kept;
    }

    /// <summary>Makes the word even; false if the loop was taken over meanwhile.</summary>
    private bool TryEnd()
    {
        long word = _word & ~HandedOff;
        bool kept = Interlocked.CompareExchange(ref _word, word - Inside + WordStep, word) == word;
        if (!kept)
        {
            Volatile.Write(ref _word, word - Inside + WordStep);
        }

        return kept;
    }

    /// <summary>A callback has ended that was queued to the thread pool.</summary>
    private void OnPooledCallbackCompleted(EventLoopGroup group, bool wasMeasured)
    {
        if (wasMeasured && !_wasBlocked)
        {
            group.Backlog.OnCompleted(EndedAt - _startedAt);
        }
    }

    private void Account(IoSource source)
    {
        long ticks = EndedAt - _startedAt;
        bool measured = _watched;
        bool? waited = null;
        if (measured)
        {
            _watched = false;
            waited = Measure(ref ticks);
        }

        _wasBlocked = waited == true;
        source.Account(ticks, measured, waited);
    }

    /// <summary>Takes down what is known of the thread before the callback.</summary>
    private void Watch()
    {
        _watched = true;
        _usage = Interop.Sys.GetThreadUsage();
        _paused = GC.GetTotalPauseDuration();
        _compiled = JitInfo.GetCompilationTime(currentThread: false);
    }

    /// <summary>
    /// Reduces a callback's time to its own: without collections and, where that is cheap to learn, without waits for a
    /// CPU. The part that is neither CPU time nor a wait for a CPU was blocking.
    /// </summary>
    /// <returns>True if the callback has blocked for most of its time; null if unknown.</returns>
    private bool? Measure(ref long ticks)
    {
        ticks = Math.Max(0, ticks - StopwatchTime.Ticks(GC.GetTotalPauseDuration() - _paused));
        if (ticks < s_millisecond && _isPooled)
        {
            return null;
        }

        Interop.ThreadUsage usage = Interop.Sys.GetThreadUsage();
        long used = StopwatchTime.Ticks(usage.CpuTime - _usage.CpuTime);
        if (usage.Waits == _usage.Waits)
        {
            // That was cheap to learn, and what follows is not. What is not CPU time was a wait for a CPU.
            ticks = Math.Min(ticks, used);
            return ticks < s_millisecond ? null : false;
        }

        if (ticks < s_millisecond)
        {
            return null;
        }

        long delay = Interop.Sys.ThreadRunDelay();
        if (delay < 0)
        {
            return used >= ticks / 2 ? false : null;
        }

        // Counted since the last reading. More than the callback can have had belongs to the time before it; the next
        // reading is exact.
        long busy = Math.Min(used, ticks) + StopwatchTime.Ticks(delay - _runDelay);
        _runDelay = delay;

        // The compiler's time may be what the thread has waited for, if it was another thread's.
        long compiled = StopwatchTime.Ticks(JitInfo.GetCompilationTime(currentThread: false) - _compiled);
        return busy > ticks + (ticks / 8) ? null
            : busy >= ticks / 2 ? false
            : busy + compiled >= ticks / 2 ? null
            : true;
    }

    private void RestoreThread(long now)
    {
        if (now - _restoredAt >= s_millisecond)
        {
            // Asking for it costs a tenth of a microsecond and a lock of the runtime's, so not after each of many short
            // callbacks.
            _restoredAt = now;
            Uninterrupted.DropInterrupt();
        }

        if (!Thread.IsBackground)
        {
            Thread.IsBackground = true;
        }

        if (Thread.Priority != ThreadPriority.Normal)
        {
            Thread.Priority = ThreadPriority.Normal;
        }

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
