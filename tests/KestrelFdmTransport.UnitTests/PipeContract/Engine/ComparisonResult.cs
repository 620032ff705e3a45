using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>What was done and what came of it; <c>Difference</c> is null if both sides agreed to the end.</summary>
internal sealed record ComparisonResult(
    IReadOnlyList<string> Transcript, IReadOnlySet<string> Kinds, string? Difference);
