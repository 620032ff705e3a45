using System.IO.Pipelines;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Everything that one operation lets its caller see, in a form that two sides can be compared by.</summary>
internal readonly record struct Observation(
    Outcome Outcome,
    bool IsCanceled = false,
    bool IsCompleted = false,
    long Length = 0,
    string? Exception = null,
    string? Damage = null)
{
    /// <param name="result">What the read returned.</param>
    /// <param name="position">Where in the stream the buffer begins; null if the buffer must not be looked at.</param>
    public static Observation Of(in ReadResult result, long? position) => new(
        Outcome.Result,
        result.IsCanceled,
        result.IsCompleted,
        position is null ? 0 : result.Buffer.Length,
        Damage: position is { } start ? BytePattern.Default.FindDamage(result.Buffer, start) : null);

    public static Observation Of(FlushResult result) => new(Outcome.Result, result.IsCanceled, result.IsCompleted);

    /// <summary>The observation without its quantities, to count which kinds have been seen.</summary>
    public string Kind => this switch
    {
        { Exception: { } exception } => $"{Outcome}: {exception}",
        { Outcome: Outcome.Result } => $"Result{(IsCanceled ? " cancelled" : "")}{(IsCompleted ? " completed" : "")}",
        _ => Outcome.ToString(),
    };

    public override string ToString() => Damage is null ? Text : $"{Text} ({Damage})";

    private string Text => Length == 0 ? Kind : $"{Kind}, {Length} bytes";
}
