using System;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>A reader without <see cref="PipeQuirks.StrandsUnexaminedBytes"/>.</summary>
[SuppressMessage(
    "Reliability", "CA2012", Justification = "A pending read is abandoned where that is known to be harmless.")]
internal sealed class HandsOutStrandedBytesReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return base.ReadAsync(cancellationToken);
        }

        ValueTask<ReadResult> read = base.ReadAsync(CancellationToken.None);
        if (read.IsCompleted)
        {
            return read;
        }

        try
        {
            if (base.TryRead(out ReadResult result))
            {
                return new(result);
            }
        }
        catch (InvalidOperationException)
        {
            // "Reading is already in progress.": the read is rightly pending.
        }

        return base.ReadAsync(cancellationToken);
    }
}
