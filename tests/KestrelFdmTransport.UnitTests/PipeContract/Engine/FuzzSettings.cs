using System;
using System.Globalization;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>How many sequences, and from which seed on.</summary>
internal sealed record FuzzSettings(int Sequences, int FirstSeed)
{
    public const string SequencesVariable = "FDM_FUZZ_SEQUENCES";
    public const string SeedVariable = "FDM_FUZZ_SEED";

    /// <summary>
    /// How long to look for a shorter sequence. A subject that must be waited for makes every attempt expensive; a
    /// longer report is then better than a long wait.
    /// </summary>
    public TimeSpan ShrinkBudget { get; init; } = TimeSpan.FromSeconds(30);

    public static FuzzSettings FromEnvironment(int defaultSequences) =>
        new(Read(SequencesVariable) ?? defaultSequences, Read(SeedVariable) ?? 1);

    private static int? Read(string variable) =>
        Environment.GetEnvironmentVariable(variable)
            is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
