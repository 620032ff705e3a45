using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Completes every flush at once.</summary>
internal sealed class NeverPausesWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<FlushResult> flush = base.FlushAsync(cancellationToken);
        return flush.IsCompleted ? flush : new(new FlushResult(isCanceled: false, isCompleted: false));
    }
}
