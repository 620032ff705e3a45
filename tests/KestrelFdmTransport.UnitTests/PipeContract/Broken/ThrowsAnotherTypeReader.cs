using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Throws what a stream would throw after it has been completed.</summary>
internal sealed class ThrowsAnotherTypeReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    private bool _completed;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        return base.ReadAsync(cancellationToken);
    }

    public override void Complete(Exception? exception = null)
    {
        _completed = true;
        base.Complete(exception);
    }
}
