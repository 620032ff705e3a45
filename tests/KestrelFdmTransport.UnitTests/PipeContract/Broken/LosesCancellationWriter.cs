using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Forgets a cancellation that comes while no flush is pending.</summary>
internal sealed class LosesCancellationWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    private bool _pending;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> flush = base.FlushAsync(cancellationToken);
        _pending = !flush.IsCompleted;
        return flush;
    }

    public override void CancelPendingFlush()
    {
        if (_pending)
        {
            _pending = false;
            base.CancelPendingFlush();
        }
    }
}
