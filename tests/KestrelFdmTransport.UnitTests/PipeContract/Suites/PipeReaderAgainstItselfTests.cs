namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>A pipe must pass for a pipe: the suite agrees with itself.</summary>
public sealed class PipeReaderAgainstItselfTests : PipeReaderContractTests
{
    private protected override IReaderSubject Create(int pauseThreshold) => new PipeReaderOracle(pauseThreshold);
}
