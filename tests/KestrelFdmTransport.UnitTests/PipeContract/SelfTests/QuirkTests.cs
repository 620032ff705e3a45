using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

public sealed class QuirkTests
{
    private static readonly Dictionary<string, Func<PipeReader, PipeReader>> s_wraps = new(StringComparer.Ordinal)
    {
        [nameof(PipeQuirks.StrandsUnexaminedBytes)] = static inner => new HandsOutStrandedBytesReader(inner),
        [nameof(PipeQuirks.RefusedReadUsesUpCancellation)] = static inner => new KeepsCancellationReader(inner),
    };

    public static TheoryData<string> Quirks => [.. s_wraps.Keys];

    [Theory]
    [MemberData(nameof(Quirks))]
    public void A_subject_that_has_not_the_quirk_it_claims_is_found(string quirk) =>
        Assert.NotNull(Run(quirk, PipeQuirks.All));

    [Theory]
    [MemberData(nameof(Quirks))]
    public void A_subject_that_owns_up_to_lacking_a_quirk_passes(string quirk)
    {
        FuzzReport? report = Run(quirk, PipeQuirks.All & ~Enum.Parse<PipeQuirks>(quirk));

        Assert.True(report is null, report?.ToString());
    }

    private static FuzzReport? Run(string quirk, PipeQuirks claimed) => FuzzCampaign.Run(
        new FuzzSettings(3_000, 1),
        ReaderProgram.Generate,
        (_, steps) => ReaderComparison.Run(
            steps, pause => new PipeReaderOracle(pause, s_wraps[quirk]) { Quirks = claimed }, 16 * 1024));
}
