using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// A thread that runs user code for sources, and its current state: the source, the start of its callback, the loop
/// that waits for it, and whether a flush waits for its end.
/// </summary>
/// <remarks>
/// One per thread, loop or pool. Written by its own thread, sampled by <see cref="StallMonitor"/>. A thread owns its
/// loop only outside callbacks. <see cref="Enter"/> puts the ownership into the <see cref="OwnershipWord"/>, from where
/// a standby thread may take it. <see cref="Leave"/> takes it back, or learns that it is gone.
/// </remarks>
internal sealed class LoopThread
{
    /// <summary>A callback older than this sends at once: it has shown that it is not about to end.</summary>
    private static readonly long s_deferralLimit = Stopwatch.Frequency / 5_000;

    [ThreadStatic]
    private static LoopThread? t_current;

    private readonly bool _isPooled;
    private readonly ThreadDefaults? _defaults;
    private readonly BufferCache? _buffers;
    private CallbackClock _clock;
    private IHandoffTarget? _owned;
    private IHandoffTarget? _blockedLoop;
    private ICallbackSource? _source;
    private ICallbackOwner? _ranFor;
    private ICallbackOwner? _deferred;
    private bool _cachingEnabled = true;

    private LoopThread(bool isTransportThread, bool servesLoops)
    {
        Thread = Thread.CurrentThread;
        _isPooled = Thread.IsThreadPoolThread;
        _defaults = isTransportThread ? new ThreadDefaults(Thread) : null;
        ServesLoops = servesLoops;
        _buffers = servesLoops ? new BufferCache() : null;
        ThreadId = servesLoops ? Sys.ThreadId() : 0;
    }

    /// <summary>The calling thread's thread; null if it has run no callback yet.</summary>
    internal static LoopThread? Current => t_current;

    internal Thread Thread { get; }

    /// <summary>True for a thread that owns a loop now and then.</summary>
    internal bool ServesLoops { get; }

    /// <summary>The kernel's number of a thread that runs loops.</summary>
    internal int ThreadId { get; }

    /// <summary>Says whether the thread is inside a callback, and whether it has lost its loop there.</summary>
    internal OwnershipWord Word { get; } = new();

    /// <summary>
    /// Whose flush waits for this callback to end, if any. Valid for a sampler only if <see cref="Word"/> is unchanged
    /// afterwards.
    /// </summary>
    internal ICallbackOwner? Deferred => Volatile.Read(ref _deferred);

    /// <summary>Whose callback it is. Valid for a sampler as <see cref="Deferred"/> is.</summary>
    internal ICallbackSource? Source => Volatile.Read(ref _source);

    /// <summary>
    /// The loop that stands still until the callback ends. Valid for a sampler as <see cref="Deferred"/> is.
    /// </summary>
    internal IHandoffTarget? BlockedLoop => Volatile.Read(ref _blockedLoop);

    /// <summary>When the callback began. Valid for a sampler as <see cref="Deferred"/> is.</summary>
    internal long StartedAt => _clock.StartedAt;

    /// <summary>When the last callback ended.</summary>
    internal long EndedAt => _clock.EndedAt;

    /// <summary>What the monitor remembers of its samples. Monitor only.</summary>
    internal CallbackSample Sample { get; } = new();

    /// <summary>True if the calling thread owns the loop and is in no callback.</summary>
    internal static bool Owns(IHandoffTarget loop) => t_current is { } thread && thread._owned == loop;

    /// <summary>True if the calling thread owns the loop, or is inside a callback that has not lost it.</summary>
    internal static bool Serves(IHandoffTarget loop) => t_current is { } thread && thread.IsServing(loop);

    /// <summary>Makes the calling thread one of ours, on which callbacks may not leave traces.</summary>
    internal static LoopThread Attach(bool servesLoops)
    {
        LoopThread thread = Register(new LoopThread(isTransportThread: true, servesLoops));
        OwnershipWord.OfTransportThread = thread.Word;
        return thread;
    }

    /// <summary>Forgets the calling thread, which is about to end.</summary>
    internal static void Detach()
    {
        if (t_current is { } thread)
        {
            t_current = null;
            OwnershipWord.OfTransportThread = null;
            StallMonitor.Remove(thread);
        }
    }

    /// <summary>
    /// Runs a continuation of the application for <paramref name="owner"/> and then sends what it has flushed.
    /// </summary>
    internal static void Run(ICallbackOwner owner, Action<object?> callback, object? state, ExecutionContext? context)
    {
        LoopThread thread = t_current ?? Register(new LoopThread(isTransportThread: false, servesLoops: false));
        var continuation = new Continuation(thread, owner, callback, state, context);
        if (thread._source is not null)
        {
            // The loop has entered already, or a callback runs another one by hand: the outer one keeps its deferral.
            continuation.Run();
            return;
        }

        // A loop's owner that does this outside of the loop's callbacks keeps the loop: no standby thread takes it
        // over.
        IHandoffTarget? owned = thread._owned;
        try
        {
            thread.RunInside(loop: null, owner, continuation);
        }
        finally
        {
            thread._owned = owned;
        }
    }

    /// <summary>
    /// Called by a flush: true if it may wait because this thread is inside a young callback for
    /// <paramref name="owner"/>. The caller has put the data where <see cref="ICallbackOwner.SendDeferred"/> finds it.
    /// </summary>
    internal static bool TryDefer(ICallbackOwner owner)
    {
        LoopThread? thread = t_current;
        if (thread is null
            || thread._source != owner
            || Stopwatch.GetTimestamp() - thread.StartedAt >= s_deferralLimit)
        {
            return false;
        }

        if (thread._deferred is null)
        {
            Volatile.Write(ref thread._deferred, owner);
            if (!StallMonitor.EnsureAwake())
            {
                // Without a monitor it would wait for as long as the callback blocks.
                Volatile.Write(ref thread._deferred, null);
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
    internal static BufferCache? CacheFor(IHandoffTarget loop, out bool isOwner)
    {
        LoopThread? thread = t_current;
        isOwner = thread is not null && thread._owned == loop;
        return thread is not null && thread._cachingEnabled && thread.IsServing(loop) ? thread._buffers : null;
    }

    /// <summary>Makes the calling thread the owner of the loop.</summary>
    internal void AcquireLoop(IHandoffTarget loop)
    {
        AssertOwnThread();
        _defaults!.Rename(loop.Name);
        _owned = loop;
    }

    /// <summary>
    /// After an exception of our own: no callback is under way any more, if one was. The next one must find an even
    /// word, and the monitor nothing to watch.
    /// </summary>
    /// <param name="loop">The loop that the thread had when it was called.</param>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    internal bool TryAbandonCallback(IHandoffTarget loop)
    {
        AssertOwnThread();
        if (!Word.IsInside)
        {
            // The exception may have come at the very end of a callback that has lost the loop.
            return _owned == loop;
        }

        Volatile.Write(ref _deferred, null);
        Volatile.Write(ref _source, null);
        _ranFor = null;
        _cachingEnabled = true;
        return Word.TryLeave();
    }

    /// <summary>The calling thread owns no loop any more.</summary>
    internal void ReleaseLoop(string name)
    {
        AssertOwnThread();
        _owned = null;
        _defaults!.Rename(name);
    }

    /// <summary>Runs user code. The loop's owner calls it at the top of its stack.</summary>
    /// <returns>False if the loop was taken over meanwhile: then the caller must not touch it any more.</returns>
    internal bool Run<TCode>(IHandoffTarget loop, ICallbackSource source, in TCode code, bool caching)
        where TCode : struct, IUserCode, allows ref struct
    {
        Debug.Assert(_owned == loop, "Only the owner of a loop runs its callbacks.");
        _cachingEnabled = caching;
        return RunInside(loop, source, code);
    }

    /// <summary>Sends what a callback has flushed that has lost this loop. The loop's new owner calls it.</summary>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    internal bool SendFlushed(IHandoffTarget loop, ICallbackOwner owner)
        => RunInside(loop, owner, new FlushedSend(owner));

    /// <summary>
    /// Gives back the blocks that are not worth keeping while the loop sleeps. The loop's owner calls it at the top of
    /// its stack.
    /// </summary>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    internal bool TrimBuffers(IHandoffTarget loop)
        => _buffers?.NeedsTrim() is not true
            || RunInside(loop, source: null, new BufferReturn(_buffers, all: false));

    /// <summary>
    /// Gives back all blocks that this thread keeps. The loop's owner calls it at the top of its stack.
    /// </summary>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    internal bool ClearBuffers(IHandoffTarget loop)
        => _buffers?.IsEmpty is not false
            || RunInside(loop, source: null, new BufferReturn(_buffers, all: true));

    /// <summary>Gives back all blocks that this thread keeps. The thread owns no loop.</summary>
    internal void ClearBuffers()
    {
        Debug.Assert(_owned is null, "The owner of a loop must not call a pool.");
        _buffers?.Clear();
    }

    private static LoopThread Register(LoopThread thread)
    {
        t_current = thread;
        StallMonitor.Add(thread);
        return thread;
    }

    private bool IsServing(IHandoffTarget loop) => _owned == loop || (_blockedLoop == loop && Word.HoldsLoop);

    /// <summary>The one place where a thread enters and leaves a callback.</summary>
    /// <returns>False if the loop was taken over meanwhile.</returns>
    private bool RunInside<TCode>(IHandoffTarget? loop, ICallbackSource? source, in TCode code)
        where TCode : struct, IUserCode, allows ref struct
    {
        Enter(source, loop);
        try
        {
            code.Run();
        }
        catch (Exception exception) when (source is not null)
        {
            UserCode.Fail(source, exception);
        }

        return Leave(loop);
    }

    private void Enter(ICallbackSource? source, IHandoffTarget? loop)
    {
        AssertOwnThread();
        _owned = null;
        _clock.Start();
        _blockedLoop = loop;
        _source = source;
        Word.Enter();
        if (loop is not null && loop.AllowsHandoff)
        {
            // No fence between the word and the look at the monitor: a monitor that parks issues a barrier for all
            // threads.
            StallMonitor.EnsureAwake();
        }
    }

    private bool Leave(IHandoffTarget? loop)
    {
        AssertOwnThread();
        _cachingEnabled = true;
        long now = Stopwatch.GetTimestamp();
        _defaults?.Restore(now);
        _clock.EndedAt = now;
        if (_deferred is { } sender)
        {
            // Cleared first: the monitor may at worst send too, and the gate lets only one of us.
            Volatile.Write(ref _deferred, null);
            UserCode.SendDeferred(sender);
            _clock.EndedAt = Stopwatch.GetTimestamp();
        }

        bool kept = Word.TryLeave();
        Volatile.Write(ref _source, null);
        if (kept)
        {
            _owned = loop;
        }

        if (_ranFor is { } owner)
        {
            // Last: what is thrown here must find out whose the loop is.
            _ranFor = null;
            owner.OnCallbackCompleted(_clock.Take(_isPooled));
        }

        return kept;
    }

    [Conditional("DEBUG")]
    private void AssertOwnThread()
        => Debug.Assert(Thread == Thread.CurrentThread, "This belongs to the thread itself.");

    private readonly struct Continuation(
        LoopThread thread, ICallbackOwner owner, Action<object?> callback, object? state, ExecutionContext? context)
        : IUserCode
    {
        public void Run()
        {
            bool isOwn = thread._source == owner;
            thread._ranFor = isOwn ? owner : thread._source as ICallbackOwner;
            if (isOwn && owner.MeasuresCallbacks)
            {
                thread._clock.BeginMeasuring();
            }

            UserCode.Invoke(callback, state, context);
        }
    }

    private readonly struct FlushedSend(ICallbackOwner owner) : IUserCode
    {
        public void Run() => UserCode.SendDeferred(owner);
    }

    private readonly struct BufferReturn(BufferCache buffers, bool all) : IUserCode
    {
        public void Run()
        {
            if (all)
            {
                buffers.Clear();
            }
            else
            {
                buffers.Trim();
            }
        }
    }
}
