using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// Room to send, in one word: how often the kernel has announced it (<c>EPOLLOUT</c>), and whether a sender waits for
/// the next time.
/// </summary>
/// <remarks>
/// The loop counts every edge, wanted or not. A sender reads the count before its system call, and waits after
/// <c>EAGAIN</c> only if the count is the same, which one compare-and-swap decides. So no edge is lost.
/// </remarks>
internal struct SendRoom
{
    private const int Awaited = 1;
    private const int Edge = 2;

    private int _word;

    /// <summary>True if a sender waits for room.</summary>
    internal bool IsAwaited => (Volatile.Read(ref _word) & Awaited) != 0;

    /// <summary>To be given to <see cref="TryAwait"/>; no sender waits.</summary>
    internal int Edges => Volatile.Read(ref _word) & ~Awaited;

    /// <summary>Counts an edge. True if a sender has waited for it.</summary>
    internal bool OnEdge()
    {
        int word = Volatile.Read(ref _word);
        while (true)
        {
            int seen = Interlocked.CompareExchange(ref _word, unchecked((word & ~Awaited) + Edge), word);
            if (seen == word)
            {
                return (word & Awaited) != 0;
            }

            word = seen;
        }
    }

    /// <summary>False if there was an edge since <see cref="Edges"/> was read: there may be room again.</summary>
    internal bool TryAwait(int edges) => Interlocked.CompareExchange(ref _word, edges | Awaited, edges) == edges;

    /// <summary>Waits although there may be room.</summary>
    internal void Await() => Interlocked.Or(ref _word, Awaited);

    internal void StopAwaiting() => Interlocked.And(ref _word, ~Awaited);
}
