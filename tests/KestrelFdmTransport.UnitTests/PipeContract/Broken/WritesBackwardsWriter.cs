using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Sends the bytes of a long write in the wrong order.</summary>
internal sealed class WritesBackwardsWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default)
    {
        byte[] bytes = source.ToArray();
        if (bytes.Length > FixedBlockPool.BlockSize)
        {
            bytes.AsSpan().Reverse();
        }

        return base.WriteAsync(bytes, cancellationToken);
    }
}
