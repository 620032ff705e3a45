using System.Diagnostics.CodeAnalysis;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Sources with commands: a lock-free stack that many threads push to and the loop's owner empties at once.
/// </summary>
/// <remarks>
/// Only whole lists are taken, so a node that comes back cannot be mistaken for its former self (no ABA).
/// </remarks>
internal sealed class CommandQueue<T>
    where T : LoopEntry<T>
{
    private T? _pushed;

    /// <summary>What the owner has taken, oldest first.</summary>
    private T? _taken;

    internal bool IsEmpty => Volatile.Read(ref _pushed) is null && _taken is null;

    internal void Push(T source)
    {
        T? head = Volatile.Read(ref _pushed);
        while (true)
        {
            source.NextQueued = head;
            T? seen = Interlocked.CompareExchange(ref _pushed, source, head);
            if (seen == head)
            {
                return;
            }

            head = seen;
        }
    }

    /// <summary>Takes what has been pushed, unless something taken earlier is left.</summary>
    internal void Take()
    {
        if (_taken is not null || Volatile.Read(ref _pushed) is null)
        {
            return;
        }

        T? newest = Interlocked.Exchange(ref _pushed, null);
        while (newest is not null)
        {
            T? next = newest.NextQueued;
            newest.NextQueued = _taken;
            _taken = newest;
            newest = next;
        }
    }

    /// <summary>
    /// The oldest source of those taken. Another thread may push it again as soon as its commands are taken.
    /// </summary>
    internal bool TryDequeue([NotNullWhen(true)] out T? source)
    {
        source = _taken;
        if (source is null)
        {
            return false;
        }

        _taken = source.NextQueued;
        source.NextQueued = null;
        return true;
    }
}
