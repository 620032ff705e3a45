using System.IO.Pipelines;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Makes pipes as Kestrel's own socket transport configures them.</summary>
internal static class TransportPipe
{
    public static Pipe Create(
        FixedBlockPool pool, int pauseThreshold, PipeScheduler readerScheduler, PipeScheduler writerScheduler) =>
        new(new PipeOptions(
            pool,
            readerScheduler,
            writerScheduler,
            pauseWriterThreshold: pauseThreshold,
            resumeWriterThreshold: pauseThreshold / 2,
            minimumSegmentSize: FixedBlockPool.BlockSize,
            useSynchronizationContext: false));
}
