using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Reader and writer against a pipe's, with operations that wait for their turn: the results are the same, only later.
/// </summary>
[Trait("Category", "Slow")]
public sealed class TurnTakingContractTests
{
    private const int Sequences = 3_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reads_that_wait_for_their_turn_give_what_a_pipe_gives(bool inline)
    {
        FuzzReport? report = FuzzCampaign.Run(
            FuzzSettings.FromEnvironment(Sequences),
            ReaderProgram.Generate,
            (seed, steps) => ReaderComparison.Run(
                steps, threshold => new FdmReaderSubject(threshold, inline, takesTurns: true), Threshold(seed)));

        Assert.True(report is null, report?.ToString());
    }

    [Fact]
    public void Flushes_that_wait_for_their_turn_give_what_a_pipe_gives()
    {
        FuzzReport? report = FuzzCampaign.Run(
            FuzzSettings.FromEnvironment(Sequences),
            WriterProgram.Generate,
            (seed, steps) => WriterComparison.Run(
                steps, threshold => new FdmWriterSubject(threshold, takesTurns: true), Threshold(seed)));

        Assert.True(report is null, report?.ToString());
    }

    private static int Threshold(int seed) => ContractThresholds.Default[seed % ContractThresholds.Default.Count];
}
