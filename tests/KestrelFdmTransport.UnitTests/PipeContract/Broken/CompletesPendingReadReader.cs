using System;
using System.IO.Pipelines;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Ends a pending read when it is completed.</summary>
internal sealed class CompletesPendingReadReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    public override void Complete(Exception? exception = null)
    {
        base.Complete(exception);
        base.CancelPendingRead();
    }
}
