using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>
/// The streams of the connection factory do what a <see cref="System.Net.Sockets.NetworkStream"/> does, in every state.
/// </summary>
[Trait("Category", "Slow")]
public sealed class StreamComparisonTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int AtOnce = 16;

    public static TheoryData<StreamState> States => new(Enum.GetValues<StreamState>());

    [Theory, MemberData(nameof(States))]
    public async Task Every_operation_ends_as_on_a_NetworkStream(StreamState state)
    {
        await using var client = new FdmClient(TransportKind.Fdm);
        var differences = new ConcurrentBag<string>();
        IEnumerable<StreamCase> cases =
            from operation in StreamOperation.All
            from ending in Enum.GetValues<StreamEnding>()
            let one = new StreamCase(state, operation, ending)
            where one.IsDecided
            select one;
        await Parallel.ForEachAsync(
            cases,
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (one, _) =>
            {
                if (await one.CompareAsync(client.Factory) is { } difference)
                {
                    differences.Add(difference);
                }
            });

        Assert.True(differences.IsEmpty, string.Join('\n', differences.Order(StringComparer.Ordinal)));
        await Eventually.UntilAsync(() => client.Transport.GetLoopStatistics().Sum(loop => loop.Connections) == 0);
    }
}
