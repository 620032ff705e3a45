using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>The token that says that a connection has ended. Its source is made when it is first read.</summary>
internal struct ClosedToken
{
    /// <summary>Marks a token that was cancelled before it was first read.</summary>
    private static readonly CancellationTokenSource s_cancelledBefore = CreateCancelled();

    private CancellationTokenSource? _source;

    /// <summary>Any thread.</summary>
    internal CancellationToken Get()
    {
        while (true)
        {
            CancellationTokenSource? source = Volatile.Read(ref _source);
            if (source is not null && source != s_cancelledBefore)
            {
                return source.Token;
            }

            CancellationTokenSource created = source is null ? new CancellationTokenSource() : CreateCancelled();
            if (Interlocked.CompareExchange(ref _source, created, source) != source)
            {
                // It was cancelled meanwhile, or another thread was faster.
                created.Dispose();
            }
        }
    }

    /// <summary>Runs the callbacks of the token, and throws what they throw. Once.</summary>
    internal void Cancel() => Interlocked.CompareExchange(ref _source, s_cancelledBefore, null)?.Cancel();

    private static CancellationTokenSource CreateCancelled()
    {
        var source = new CancellationTokenSource();
        source.Cancel();
        return source;
    }
}
