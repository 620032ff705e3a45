using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>One sequence on which the subject differs from the pipe, cut down to what is needed.</summary>
internal sealed record FuzzReport(int Seed, string Difference, IReadOnlyList<string> Transcript)
{
    public override string ToString() => string.Join(
        Environment.NewLine,
        [
            $"The subject differs from a pipe (seed {Seed}).",
            $"Repeat with {FuzzSettings.SeedVariable}={Seed} {FuzzSettings.SequencesVariable}=1.",
            Difference,
            "What the pipe does in the shortest sequence found:",
            .. Transcript,
        ]);
}
