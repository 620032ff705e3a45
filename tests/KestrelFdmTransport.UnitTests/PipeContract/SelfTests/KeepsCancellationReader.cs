using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A reader without <see cref="PipeQuirks.RefusedReadUsesUpCancellation"/>, as far as <c>ReadAsync</c> goes.
/// </summary>
internal sealed class KeepsCancellationReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    private bool _resultOut;
    private bool _cancelled;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            ValueTask<ReadResult> read = base.ReadAsync(cancellationToken);
            _resultOut |= read.IsCompletedSuccessfully && !read.Result.IsCanceled;
            return read;
        }
        catch (InvalidOperationException) when (_resultOut && _cancelled)
        {
            base.CancelPendingRead();
            throw;
        }
    }

    public override void AdvanceTo(SequencePosition consumed)
    {
        base.AdvanceTo(consumed);
        Forget();
    }

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        base.AdvanceTo(consumed, examined);
        Forget();
    }

    public override void CancelPendingRead()
    {
        _cancelled = _resultOut;
        base.CancelPendingRead();
    }

    private void Forget()
    {
        _resultOut = false;
        _cancelled = false;
    }
}
