using System;

namespace KestrelFdmTransport.UnitTests.Prose;

[Flags]
internal enum ProseRule
{
    None = 0,
    LineLength = 1,
    SentenceLength = 2,
    MeanSentenceLength = 4,
    Words = 8,
    All = LineLength | SentenceLength | MeanSentenceLength | Words,
}
