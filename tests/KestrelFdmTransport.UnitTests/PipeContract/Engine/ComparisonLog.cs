using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Collects the transcript of a duel and its first difference.</summary>
internal sealed class ComparisonLog
{
    private readonly List<string> _transcript = [];
    private readonly HashSet<string> _kinds = new(StringComparer.Ordinal);

    public string? Difference { get; private set; }

    public ComparisonResult Result => new(_transcript, _kinds, Difference);

    public void Say(string line) => _transcript.Add(line);

    public void Compare(string name, string call, in Observation expected, in Observation actual)
    {
        _transcript.Add($"{call} -> {expected}");
        _kinds.Add($"{name}: {expected.Kind}");
        if (expected != actual)
        {
            Differ($"{call}: the pipe gave [{expected}], the subject gave [{actual}]");
        }
    }

    public void Differ(string difference) => Difference ??= difference;
}
