namespace KestrelFdmTransport.UnitTests.Prose;

internal enum ProseRule
{
    LineLength,
    SentenceLength,
    MeanSentenceLength,
    Words,
}
