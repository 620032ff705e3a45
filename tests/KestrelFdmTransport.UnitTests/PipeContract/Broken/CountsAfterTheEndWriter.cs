using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Goes on counting what is written after the other end has gone.</summary>
internal sealed class CountsAfterTheEndWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    private long _unflushed;

    public override long UnflushedBytes => _unflushed;

    public override void Advance(int bytes)
    {
        base.Advance(bytes);
        _unflushed += bytes;
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        _unflushed = cancellationToken.IsCancellationRequested ? _unflushed : 0;
        return base.FlushAsync(cancellationToken);
    }

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> write = base.WriteAsync(source, cancellationToken);
        _unflushed = base.UnflushedBytes;
        return write;
    }

    public override void Complete(Exception? exception = null)
    {
        _unflushed = 0;
        base.Complete(exception);
    }
}
