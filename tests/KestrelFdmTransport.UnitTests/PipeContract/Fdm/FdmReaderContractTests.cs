namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Our reader against the reader of a <see cref="System.IO.Pipelines.Pipe"/>.</summary>
public sealed class FdmReaderContractTests : PipeReaderContractTests
{
    private protected override int Sequences => 3_000;

    private protected override IReaderSubject Create(int pauseThreshold)
        => new FdmReaderSubject(pauseThreshold, runsInline: false);
}
