using System;
using System.Globalization;
using System.Threading;

namespace KestrelFdmTransport.ComparisonServer;

/// <summary>
/// Counts, for classes of clients that say which they are, the polling set that their connection is in at each request.
/// </summary>
internal sealed class PollingSetCounter
{
    private const int Classes = 2;
    private const int Sets = 3;

    private long[] _counts = new long[Classes * Sets];

    /// <summary>Counts nothing if another transport serves.</summary>
    internal void Count(ReadOnlySpan<char> clients, IFdmConnectionFeature? connection)
    {
        if (connection is not null)
        {
            Interlocked.Increment(
                ref _counts[(int.Parse(clients, NumberStyles.None, CultureInfo.InvariantCulture) * Sets) + (
                    int)connection.PollingSet]);
        }
    }

    /// <summary>Hot, warm and cold of each class in turn, since the last time.</summary>
    internal long[] Take() => Interlocked.Exchange(ref _counts, new long[Classes * Sets]);
}
