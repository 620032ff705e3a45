using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>A lock-free stack that many threads push to and the loop's owner empties at once.</summary>
/// <remarks>
/// Only whole lists are taken, so a node that comes back cannot be mistaken for its former self (no ABA).
/// </remarks>
internal sealed class CommandQueue
{
    private IoSource? _head;

    internal bool IsEmpty => Volatile.Read(ref _head) is null;

    internal void Push(IoSource source)
    {
        IoSource? head = Volatile.Read(ref _head);
        while (true)
        {
            source.NextQueued = head;
            IoSource? seen = Interlocked.CompareExchange(ref _head, source, head);
            if (seen == head)
            {
                return;
            }

            head = seen;
        }
    }

    /// <summary>Takes everything, oldest first, linked by <see cref="IoSource.NextQueued"/>.</summary>
    internal IoSource? TakeAll()
    {
        IoSource? newest = Interlocked.Exchange(ref _head, null);
        IoSource? oldest = null;
        while (newest is not null)
        {
            IoSource? next = newest.NextQueued;
            newest.NextQueued = oldest;
            oldest = newest;
            newest = next;
        }

        return oldest;
    }
}
