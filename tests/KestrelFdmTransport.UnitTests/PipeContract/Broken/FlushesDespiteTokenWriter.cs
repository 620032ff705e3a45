using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Flushes first and then looks whether the token had been cancelled.</summary>
[SuppressMessage("Reliability", "CA2012", Justification = "Misuse is the purpose.")]
internal sealed class FlushesDespiteTokenWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (!cancellationToken.IsCancellationRequested)
        {
            return base.FlushAsync(cancellationToken);
        }

        _ = base.FlushAsync(CancellationToken.None);
        return ValueTask.FromCanceled<FlushResult>(cancellationToken);
    }
}
