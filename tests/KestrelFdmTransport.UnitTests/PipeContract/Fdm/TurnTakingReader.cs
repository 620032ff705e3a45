using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Two of three reads find the thread's budget spent, so that what could complete at once waits for its turn.
/// </summary>
internal sealed class TurnTakingReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    private int _calls;

    public override bool TryRead(out ReadResult result)
    {
        Spend();
        try
        {
            return base.TryRead(out result);
        }
        finally
        {
            // A refused call has not spent it, and the thread runs other tests.
            CooperativeBudget.Renew();
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        Spend();
        try
        {
            return base.ReadAsync(cancellationToken);
        }
        finally
        {
            // A refused call has not spent it, and the thread runs other tests.
            CooperativeBudget.Renew();
        }
    }

    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken)
    {
        Spend();
        try
        {
            return base.ReadAtLeastAsyncCore(minimumSize, cancellationToken);
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
