using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>The suite is worth something only if it finds what is wrong.</summary>
public sealed class BrokenWriterTests
{
    private static readonly Dictionary<string, Func<PipeWriter, PipeWriter>> s_wraps = new(StringComparer.Ordinal)
    {
        ["loses a cancellation"] = static inner => new LosesCancellationWriter(inner),
        ["throws another type"] = static inner => new ThrowsAnotherTypeWriter(inner),
        ["counts after the end"] = static inner => new CountsAfterTheEndWriter(inner),
        ["never pauses"] = static inner => new NeverPausesWriter(inner),
        ["writes backwards"] = static inner => new WritesBackwardsWriter(inner),
        ["flushes despite the token"] = static inner => new FlushesDespiteTokenWriter(inner),
        ["completes a pending flush"] = static inner => new CompletesPendingFlushWriter(inner),
    };

    public static TheoryData<string> Faults => [.. s_wraps.Keys];

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_faulty_writer_is_found_and_shown_in_few_steps(string fault)
    {
        FuzzReport? report = FuzzCampaign.Run(
            new FuzzSettings(1_000, 1),
            WriterProgram.Generate,
            (_, steps) => WriterComparison.Run(steps, pause => new PipeWriterOracle(pause, s_wraps[fault]), 16 * 1024));

        Assert.NotNull(report);
        Assert.InRange(report.Transcript.Count, 2, 12);
        Assert.Contains($"{FuzzSettings.SeedVariable}={report.Seed}", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_writer_that_never_pauses_is_found()
    {
        FuzzReport? report = FuzzCampaign.Run(
            new FuzzSettings(1_000, 1) { ShrinkBudget = TimeSpan.Zero },
            WriterProgram.Generate,
            (_, steps) => WriterComparison.Run(
                steps,
                static pause => new SocketLikeWriter(pause, static inner => new NeverPausesWriter(inner)),
                2 * FixedBlockPool.BlockSize));

        Assert.NotNull(report);
        Assert.Contains(
            "the pipe gave [Pending], the subject gave [Result]", report.Difference, StringComparison.Ordinal);
    }
}
