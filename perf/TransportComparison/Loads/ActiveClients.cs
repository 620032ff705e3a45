using System;
using System.Collections.Generic;
using System.Linq;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>
/// Which connections of a group speak, by the event loops that have them when all are open. The others stay silent.
/// </summary>
/// <param name="Loop">All of this one; null: as many of each.</param>
internal sealed record ActiveClients(int Count, int? Loop = null)
{
    internal T[] Choose<T>(IReadOnlyCollection<T> connections, Func<T, int> loopOf)
    {
        IGrouping<int, T>[] loops = [.. connections.GroupBy(loopOf)];
        T[] chosen =
        [
            .. loops
                .Where(loop => Loop is null || loop.Key == Loop)
                .SelectMany(loop => loop.Select((connection, rank) => (Connection: connection, Rank: rank)))
                .OrderBy(member => member.Rank)
                .Take(Count)
                .Select(member => member.Connection),
        ];
        return chosen.Length == Count ? chosen : throw new ServerException(
            $"Only {chosen.Length} of {Count} connections are on the loop that is to be busy.");
    }
}
