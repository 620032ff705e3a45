namespace KestrelFdmTransport.UnitTests.Prose;

internal enum PassageKind
{
    /// <summary>A paragraph or list item of a document.</summary>
    Text,
    Heading,
    Cell,
    Comment,

    /// <summary>A string of the library, which users may read in a log or an exception.</summary>
    Message,
    TestName,
}
