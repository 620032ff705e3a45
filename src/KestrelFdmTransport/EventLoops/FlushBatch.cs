using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Flushes that leave together.</summary>
/// <remarks>
/// What follows the system calls is foreign code, a pool's or a log's, which may take for ever. That must cost its own connection only. So
/// the batch is queued as a work item before it begins, and whoever comes, this thread or the pool's, takes what nobody has taken yet.
/// </remarks>
internal sealed class FlushBatch(HeldFlushes owner) : IThreadPoolWorkItem
{
    internal const int Most = 8;

    private Sources _sources;
    private Results _results;
    private int _taken;
    private int _users;

    internal int Count { get; private set; }

    /// <summary>False if there is no room. Whoever flushes several times has one place.</summary>
    internal bool TryAdd(IoSource source)
    {
        foreach (ref readonly IoSource? other in ((ReadOnlySpan<IoSource?>)_sources)[..Count])
        {
            if (other == source)
            {
                return true;
            }
        }

        if (Count == Most)
        {
            return false;
        }

        _sources[Count++] = source;
        return true;
    }

    internal void Send()
    {
        Transmit();
        _users = Count > 1 ? 2 : 1;
        if (Count > 1)
        {
            // On this thread's own queue it is next, unless this thread is held up: then another one takes it from there.
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
        }

        Finish();
    }

    /// <summary>As <see cref="Send"/>, with no foreign code on the calling thread.</summary>
    internal void SendFromMonitor()
    {
        Transmit();
        _users = 1;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Somebody else may be held up, and so may we be: before each one another helper is sent for.</summary>
    void IThreadPoolWorkItem.Execute() => Finish(sendsForHelp: true);

    /// <summary>All system calls first: no foreign code keeps a flush from leaving.</summary>
    private void Transmit()
    {
        for (int i = 0; i < Count; i++)
        {
            _results[i] = _sources[i]!.Transmit();
        }
    }

    private void Finish(bool sendsForHelp = false)
    {
        for (int i = Interlocked.Increment(ref _taken); i <= Count; i = Interlocked.Increment(ref _taken))
        {
            if (sendsForHelp && i < Count)
            {
                Interlocked.Increment(ref _users);
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            }

            CallbackScope.FinishSend(_sources[i - 1]!, _results[i - 1]);
        }

        if (Interlocked.Decrement(ref _users) == 0)
        {
            _sources = default;
            _results = default;
            _taken = 0;
            Count = 0;
            owner.GiveBack(this);
        }
    }

    [InlineArray(Most)]
    private struct Sources
    {
        private IoSource? _first;
    }

    [InlineArray(Most)]
    private struct Results
    {
        private object? _first;
    }
}
