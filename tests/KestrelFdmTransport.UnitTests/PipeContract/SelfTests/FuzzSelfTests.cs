using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

[Trait("Category", "Slow")]
public sealed class FuzzSelfTests
{
    private const int Seeds = 500;

    private const string InvalidOperation = "Threw: System.InvalidOperationException";
    private const string CancelledBefore =
        "Faulted: System.Threading.Tasks.TaskCanceledException: A task was canceled. (its own token)";
    private const string CancelledWhilePending =
        "Faulted: System.OperationCanceledException: The operation was canceled. (its own token)";
    private const string ThrewEndError = $"Threw: {ExceptionText.EndError}";
    private const string FaultedEndError = $"Faulted: {ExceptionText.EndError}";

    [Fact]
    public void A_seed_gives_the_same_reader_transcript_every_time()
    {
        for (int seed = 1; seed <= Seeds; seed++)
        {
            Assert.Equal(RunReader(seed).Transcript, RunReader(seed).Transcript);
        }
    }

    [Fact]
    public void A_seed_gives_the_same_writer_transcript_every_time()
    {
        for (int seed = 1; seed <= Seeds; seed++)
        {
            Assert.Equal(RunWriter(seed).Transcript, RunWriter(seed).Transcript);
        }
    }

    [Fact]
    public void Random_reader_sequences_reach_everything_that_a_pipe_reader_can_answer()
    {
        const string busy = $"{InvalidOperation}: Reading is already in progress.";
        const string completed = $"{InvalidOperation}: Reading is not allowed after reader was completed.";
        string[] results = ["Result", "Result cancelled", "Result completed", "Result cancelled completed"];

        AssertReached(
            RunReader,
            [
                .. Of("ReadAsync", [.. results, "Pending", busy, completed, CancelledBefore, ThrewEndError]),
                .. Of("ReadAtLeastAsync", [.. results, "Pending", busy, completed, CancelledBefore, ThrewEndError]),
                .. Of("TryRead", [.. results, "NoResult", busy, completed, ThrewEndError]),
                .. Of("Await", [.. results, CancelledWhilePending, FaultedEndError]),
                .. Of("AdvanceTo", ["Done", completed]),
                .. Of("AdvanceTo", [$"{InvalidOperation}: No reading operation to complete."]),
                .. Of(
                    "AdvanceTo",
                    [
                        $"{InvalidOperation}: The examined position must be greater than or equal to the consumed "
                            + $"position."
                    ]),
            ]);
    }

    [Fact]
    public void Random_writer_sequences_reach_everything_that_a_pipe_writer_can_answer()
    {
        const string completed = $"{InvalidOperation}: Writing is not allowed after writer was completed.";
        const string outOfRange =
            "Threw: System.ArgumentOutOfRangeException: Specified argument was out of the range of valid values. "
                + "(Parameter";
        string[] results = ["Result", "Result cancelled", "Result completed"];

        AssertReached(
            RunWriter,
            [
                .. Of("GetMemory", ["Done", $"{outOfRange} 'sizeHint')", completed]),
                .. Of("GetSpan", ["Done", $"{outOfRange} 'sizeHint')", completed]),
                .. Of("Advance", ["Done", $"{outOfRange} 'bytes')"]),
                .. Of(
                    "FlushAsync",
                    [.. results, "Result cancelled completed", "Pending", CancelledBefore, ThrewEndError]),
                .. Of("WriteAsync", [.. results, "Pending", CancelledBefore, completed, ThrewEndError]),
                .. Of("Await", [.. results, "Result cancelled completed", CancelledWhilePending, FaultedEndError]),
            ]);
    }

    [Theory]
    [InlineData(17, 83)]
    [InlineData(0, 1)]
    [InlineData(49, 99)]
    public void The_shrinker_leaves_only_the_steps_that_matter(int one, int other)
    {
        IReadOnlyList<int> steps = [.. Enumerable.Range(0, 100)];

        IReadOnlyList<int> shrunk = Shrinker.Shrink(
            steps, fewer => fewer.Contains(one) && fewer.Contains(other), TimeSpan.FromMinutes(1));

        Assert.Equal([one, other], shrunk);
    }

    private static ComparisonResult RunReader(int seed) =>
        ReaderComparison.Run(
            ReaderProgram.Generate(seed), static pause => new PipeReaderOracle(pause), Threshold(seed));

    private static ComparisonResult RunWriter(int seed) =>
        WriterComparison.Run(
            WriterProgram.Generate(seed), static pause => new PipeWriterOracle(pause), Threshold(seed));

    private static int Threshold(int seed) => ContractThresholds.Default[seed % ContractThresholds.Default.Count];

    private static IEnumerable<string> Of(string name, string[] kinds) => kinds.Select(kind => $"{name}: {kind}");

    private static void AssertReached(Func<int, ComparisonResult> run, IReadOnlyList<string> expected)
    {
        HashSet<string> missing = [.. expected];
        for (int seed = 1; seed <= 10 * Seeds && missing.Count > 0; seed++)
        {
            missing.ExceptWith(run(seed).Kinds);
        }

        Assert.Empty(missing);
    }
}
