using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Loses a byte when a result spans several blocks.</summary>
internal sealed class LosesByteReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read = base.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully)
        {
            return read;
        }

        ReadResult result = read.Result;
        return new(result.Buffer.IsSingleSegment
            ? result
            : new ReadResult(result.Buffer.Slice(1), result.IsCanceled, result.IsCompleted));
    }
}
