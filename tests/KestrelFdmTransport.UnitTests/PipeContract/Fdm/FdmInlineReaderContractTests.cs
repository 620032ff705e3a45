namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>The same with continuations on the loop's thread.</summary>
public sealed class FdmInlineReaderContractTests : PipeReaderContractTests
{
    private protected override int Sequences => 3_000;

    private protected override IReaderSubject Create(int pauseThreshold)
        => new FdmReaderSubject(pauseThreshold, runsInline: true);
}
