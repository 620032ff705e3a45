namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A pipe behind an imitation of a socket must pass too: what a socket may do is not taken for a fault.
/// </summary>
public sealed class SocketLikeWriterTests : PipeWriterContractTests
{
    private protected override int Sequences => 1_000;

    private protected override IWriterSubject Create(int pauseThreshold) => new SocketLikeWriter(pauseThreshold);
}
