namespace KestrelFdmTransport.UnitTests.Prose;

internal enum CSharpTokenKind
{
    Comment,
    Documentation,
    String,
}
