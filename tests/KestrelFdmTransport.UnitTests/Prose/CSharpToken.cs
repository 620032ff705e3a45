namespace KestrelFdmTransport.UnitTests.Prose;

/// <summary>A comment or a string, with its marks.</summary>
internal sealed record CSharpToken(CSharpTokenKind Kind, int Start, int End);
