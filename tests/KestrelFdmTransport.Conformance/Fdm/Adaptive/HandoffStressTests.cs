using System.IO;
using System.Threading.Tasks;
using KestrelFdmTransport.Stress.Handoffs;
using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm.Adaptive;

/// <summary>The short form of <c>KestrelFdmTransport.Stress handoffs</c>.</summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class HandoffStressTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    [InlineData(8, false)]
    public async Task Thousands_of_handoffs_lose_no_byte_and_no_request(int loops, bool syncPointDelays)
    {
        HandoffCounters figures = await HandoffStress.RunAsync(
            new HandoffSettings
            {
                Count = 5_000,
                PerRound = 1_000,
                Connections = 64,
                Loops = loops,
                SyncPointDelays = syncPointDelays
            },
            TextWriter.Null);

        Assert.True(figures.Problems.Count == 0, string.Join('\n', figures.Problems));
        Assert.InRange(figures.Handoffs, 5_000, long.MaxValue);
        Assert.InRange(figures.Completed, 1, long.MaxValue);
        Assert.InRange(figures.Requests, 1, long.MaxValue);
        Assert.InRange(figures.Aborts, 1, long.MaxValue);
    }
}
