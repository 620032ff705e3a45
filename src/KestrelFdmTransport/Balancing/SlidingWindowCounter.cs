using System.Threading;

namespace KestrelFdmTransport.Balancing;

/// <summary>Counts events in the current window of time and in the one before. Any thread.</summary>
/// <remarks>All counters number their windows by the same clock, so their counts can be compared.</remarks>
internal sealed class SlidingWindowCounter
{
    private const int Max = ushort.MaxValue;

    // The window's number and the counts of the previous and the current window, in one word so that they are
    // consistent.
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

    /// <summary>A reader with an older clock sees the newer window.</summary>
    private static ulong At(ulong state, uint window) => (int)(window - (uint)(state >> 32)) switch
    {
        // Nothing has been counted yet, so the stored window is not one.
        _ when state == 0 => (ulong)window << 32,
        <= 0 => state,
        1 => ((ulong)window << 32) | ((ulong)(ushort)state << 16),
        _ => (ulong)window << 32,
    };
}
