using System.Collections.Generic;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// What a <see cref="System.IO.Pipelines.PipeReader"/> must do to pass for the reader end of a pipe. A class that
/// derives from this one and makes subjects has all the tests.
/// </summary>
public abstract partial class PipeReaderContractTests
{
    private protected abstract IReaderSubject Create(int pauseThreshold);

    /// <summary>The pause thresholds to take turns with.</summary>
    private protected virtual IReadOnlyList<int> PauseThresholds => ContractThresholds.Default;

    /// <summary>How many sequences to run if the environment does not say.</summary>
    private protected virtual int Sequences => 5_000;

    [Fact]
    [Trait("Category", "Slow")]
    public void Random_sequences_of_operations_give_what_a_pipe_gives()
    {
        FuzzReport? report = FuzzCampaign.Run(
            FuzzSettings.FromEnvironment(Sequences),
            ReaderProgram.Generate,
            (seed, steps) => ReaderComparison.Run(steps, Create, PauseThresholds[seed % PauseThresholds.Count]));

        Assert.True(report is null, report?.ToString());
    }
}
