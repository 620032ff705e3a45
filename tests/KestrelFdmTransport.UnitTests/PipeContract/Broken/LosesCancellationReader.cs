using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Forgets a cancellation that comes while no read is pending.</summary>
internal sealed class LosesCancellationReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    private bool _pending;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read = base.ReadAsync(cancellationToken);
        _pending = !read.IsCompleted;
        return read;
    }

    public override void CancelPendingRead()
    {
        if (_pending)
        {
            _pending = false;
            base.CancelPendingRead();
        }
    }
}
