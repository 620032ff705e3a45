namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Our writer against the writer of a <see cref="System.IO.Pipelines.Pipe"/>.</summary>
public sealed class FdmWriterContractTests : PipeWriterContractTests
{
    private protected override int Sequences => 3_000;

    private protected override IWriterSubject Create(int pauseThreshold) => new FdmWriterSubject(pauseThreshold);
}
