namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A pipe behind an imitation of a socket must pass too: what a socket may do is not taken for a fault.
/// </summary>
public sealed class SocketLikeReaderTests : PipeReaderContractTests
{
    private protected override int Sequences => 1_000;

    private protected override IReaderSubject Create(int pauseThreshold) => new SocketLikeReader(pauseThreshold);
}
