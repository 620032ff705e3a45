using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Satisfies <c>ReadAtLeastAsync</c> with bytes that have been examined before, as the base class does.
/// </summary>
internal sealed class CountsExaminedBytesReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken)
    {
        ValueTask<ReadResult> read = ReadAsync(cancellationToken);
        return ReadOn(read);

        async ValueTask<ReadResult> ReadOn(ValueTask<ReadResult> next)
        {
            while (true)
            {
                ReadResult result = await next;
                if (result.Buffer.Length >= minimumSize || result.IsCanceled || result.IsCompleted)
                {
                    return result;
                }

                AdvanceTo(result.Buffer.Start, result.Buffer.End);
                next = ReadAsync(cancellationToken);
            }
        }
    }
}
