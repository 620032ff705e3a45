using System;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Ends a pending flush when it is completed.</summary>
[SuppressMessage("Reliability", "CA2012", Justification = "Misuse is the purpose.")]
internal sealed class CompletesPendingFlushWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    private ValueTask<FlushResult> _latest;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        _latest = base.FlushAsync(cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default) =>
        _latest = base.WriteAsync(source, cancellationToken);

    public override void Complete(Exception? exception = null)
    {
        base.Complete(exception);
        if (!_latest.IsCompleted)
        {
            base.CancelPendingFlush();
        }
    }
}
