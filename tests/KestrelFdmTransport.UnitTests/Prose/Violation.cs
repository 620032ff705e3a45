namespace KestrelFdmTransport.UnitTests.Prose;

internal sealed record Violation(ProseRule Rule, string File, int Line, string Message)
{
    public override string ToString() => $"{File}:{Line}: {Rule}: {Message}";
}
