namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>A pipe must pass for a pipe: the suite agrees with itself.</summary>
public sealed class PipeWriterAgainstItselfTests : PipeWriterContractTests
{
    private protected override IWriterSubject Create(int pauseThreshold) => new PipeWriterOracle(pauseThreshold);
}
