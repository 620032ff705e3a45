using System;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using System.Threading.Tasks.Sources;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Runs the continuation of a pending read twice.</summary>
[SuppressMessage("Reliability", "CA2012", Justification = "Misuse is the purpose.")]
internal sealed class ContinuesTwiceReader(PipeReader inner) : DelegatingPipeReader(inner), IValueTaskSource<ReadResult>
{
    private ValueTask<ReadResult> _pending;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read = base.ReadAsync(cancellationToken);
        if (read.IsCompleted)
        {
            return read;
        }

        _pending = read;
        return new ValueTask<ReadResult>(this, token: 0);
    }

    public ReadResult GetResult(short token) => _pending.GetAwaiter().GetResult();

    public ValueTaskSourceStatus GetStatus(short token) =>
        _pending.IsCompleted ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _pending.GetAwaiter().UnsafeOnCompleted(() =>
        {
            continuation(state);
            continuation(state);
        });
}
