using System.Threading;

namespace KestrelFdmTransport.Balancing;

/// <summary>How often something happened in this window of time and in the one before. Any thread.</summary>
/// <remarks>
/// Windows are numbered by a clock that all share, so that counts of several things fall at the same time and can be
/// compared.
/// </remarks>
internal sealed class SlidingWindowCounter
{
    private const int Max = ushort.MaxValue;

    // The window's number, what happened in the one before it, and what happened in it: one word, so that they belong
    // together.
    private ulong _state;

    internal void Add(long window)
    {
        ulong seen = Volatile.Read(ref _state);
        while (true)
        {
            ulong state = At(seen, (uint)window);
            ulong next = (ushort)state < Max ? state + 1 : state;
            ulong found = Interlocked.CompareExchange(ref _state, next, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }

    internal int Read(long window)
    {
        ulong state = At(Volatile.Read(ref _state), (uint)window);
        return (ushort)state + (ushort)(state >> 16);
    }

    /// <summary>Whoever has an older clock sees the newer window.</summary>
    private static ulong At(ulong state, uint window) => (int)(window - (uint)(state >> 32)) switch
    {
        // Nothing has been counted yet, and the window that it seems to have is none.
        _ when state == 0 => (ulong)window << 32,
        <= 0 => state,
        1 => ((ulong)window << 32) | ((ulong)(ushort)state << 16),
        _ => (ulong)window << 32,
    };
}
