using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Two of three flushes find the thread's budget spent, so that what could complete at once waits for its turn.
/// </summary>
internal sealed class TurnTakingWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    private int _calls;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Spend();
        try
        {
            return base.FlushAsync(cancellationToken);
        }
        finally
        {
            // A refused call has not spent it, and the thread runs other tests.
            CooperativeBudget.Renew();
        }
    }

    public override ValueTask<FlushResult> WriteAsync(
        ReadOnlyMemory<byte> source,
        CancellationToken cancellationToken = default)
    {
        Spend();
        try
        {
            return base.WriteAsync(source, cancellationToken);
        }
        finally
        {
            // A refused call has not spent it, and the thread runs other tests.
            CooperativeBudget.Renew();
        }
    }

    private void Spend()
    {
        if (++_calls % 3 != 0)
        {
            CooperativeBudget.Exhaust();
        }
    }
}
