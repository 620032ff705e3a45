using System;
using System.IO;
using System.Threading.Tasks;
using KestrelFdmTransport.Stress.Soak;
using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>The short form of <c>KestrelFdmTransport.Stress soak</c>.</summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class SoakTests
{
    [Fact]
    public async Task Everything_at_once_is_answered_and_leaves_nothing_behind()
    {
        SoakCounters figures = await SoakStress.RunAsync(
            new SoakSettings
            {
                Duration = TimeSpan.FromSeconds(4),
                Connections = 16,
                ReloadInterval = TimeSpan.FromMilliseconds(500)
            },
            TextWriter.Null);

        Assert.Empty(figures.Problems);
        Assert.InRange(figures.Requests, 1, long.MaxValue);
        Assert.InRange(figures.Messages, 1, long.MaxValue);
        Assert.InRange(figures.Reloads, 1, int.MaxValue);
    }
}
