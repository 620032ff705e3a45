using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>The suite is worth something only if it finds what is wrong.</summary>
public sealed class BrokenReaderTests
{
    private static readonly Dictionary<string, Func<PipeReader, PipeReader>> s_wraps = new(StringComparer.Ordinal)
    {
        ["ignores examined"] = static inner => new IgnoresExaminedReader(inner),
        ["loses a cancellation"] = static inner => new LosesCancellationReader(inner),
        ["throws another type"] = static inner => new ThrowsAnotherTypeReader(inner),
        ["counts examined bytes"] = static inner => new CountsExaminedBytesReader(inner),
        ["completes a pending read"] = static inner => new CompletesPendingReadReader(inner),
        ["loses a byte"] = static inner => new LosesByteReader(inner),
        ["ignores the token"] = static inner => new IgnoresTokenReader(inner),
        ["continues twice"] = static inner => new ContinuesTwiceReader(inner),
    };

    public static TheoryData<string> Faults => [.. s_wraps.Keys];

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_faulty_reader_is_found_and_shown_in_few_steps(string fault)
    {
        FuzzReport? report = FuzzCampaign.Run(
            new FuzzSettings(1_000, 1),
            ReaderProgram.Generate,
            (_, steps) => ReaderComparison.Run(steps, pause => new PipeReaderOracle(pause, s_wraps[fault]), 16 * 1024));

        Assert.NotNull(report);
        Assert.InRange(report.Transcript.Count, 2, 12);
        Assert.Contains($"{FuzzSettings.SeedVariable}={report.Seed}", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_reader_that_stays_paused_is_found()
    {
        FuzzReport? report = FuzzCampaign.Run(
            new FuzzSettings(1_000, 1) { ShrinkBudget = TimeSpan.Zero },
            ReaderProgram.Generate,
            (_, steps) => ReaderComparison.Run(
                steps,
                static pause => new SocketLikeReader(pause, resumes: false) { Patience = TimeSpan.FromSeconds(1) },
                2 * FixedBlockPool.BlockSize));

        Assert.NotNull(report);
    }
}
