using System.Collections.Generic;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <param name="Groups">The figures are about the first; the others are there to disturb it.</param>
/// <param name="Requests">All that were answered while <paramref name="Usage"/> was counted.</param>
/// <param name="Usage">What the server has used.</param>
internal sealed record LoadOutcome(IReadOnlyList<GroupOutcome> Groups, long Requests, ServerUsage Usage);
