using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Looks at a token only before it begins to wait.</summary>
internal sealed class IgnoresTokenReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        base.ReadAsync(cancellationToken.IsCancellationRequested ? cancellationToken : CancellationToken.None);
}
