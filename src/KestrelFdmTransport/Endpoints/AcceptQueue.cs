using System;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Endpoints;

/// <summary>Connections that loops have accepted and the server has not taken yet; bounded by reservation.</summary>
internal sealed class AcceptQueue
{
    private readonly Channel<FdmConnection> _channel = Channel.CreateUnbounded<FdmConnection>();
    private readonly int _limit;
    private readonly Action _onSpaceAvailable;
    private int _reserved;
    private int _full;

    internal AcceptQueue(int limit, Action onSpaceAvailable)
    {
        _limit = limit;
        _onSpaceAvailable = onSpaceAvailable;
    }

    /// <summary>
    /// Connections that the server has taken. Kestrel asks for one at a time; of two callers that ask at once a count
    /// may be lost.
    /// </summary>
    internal long Taken { get; private set; }

    /// <summary>Places that are reserved or filled; while the queue is full, maybe some more for a moment.</summary>
    internal int Reserved => Volatile.Read(ref _reserved);

    /// <summary>
    /// Reserves a place before a connection is accepted. False: <c>onSpaceAvailable</c> is called when there is one.
    /// </summary>
    /// <remarks>
    /// The caller fills the place or gives it back. Filling may throw with the connection in the queue or not; then
    /// <see cref="FdmConnection.TryWithdraw"/> says whose it is.
    /// </remarks>
    internal bool TryReserve()
    {
        if (Interlocked.Increment(ref _reserved) <= _limit)
        {
            return true;
        }

        // The flag comes first and the second look after it; a thread that takes a connection makes room first and then
        // reads the flag.
        Interlocked.Decrement(ref _reserved);
        Interlocked.Exchange(ref _full, 1);
        if (Interlocked.Increment(ref _reserved) <= _limit)
        {
            return true;
        }

        // Not a plain decrement: a thread that made room meanwhile may have counted this attempt as a connection.
        OnDequeued();
        return false;
    }

    /// <summary>Gives a reserved place back: there was nothing to accept.</summary>
    internal void CancelReservation() => OnDequeued();

    /// <summary>Fills a reserved place. False once the queue is complete.</summary>
    internal bool TryEnqueue(FdmConnection connection)
    {
        FaultPoints.Hit(FaultPoint.ConnectionQueued);
        return _channel.Writer.TryWrite(connection);
    }

    /// <summary>
    /// No more connections; those in the queue are still delivered, and then null or <paramref name="error"/>.
    /// </summary>
    internal void Complete(Exception? error = null) => _channel.Writer.TryComplete(error);

    internal bool TryDequeue(out FdmConnection? connection)
    {
        while (_channel.Reader.TryRead(out connection))
        {
            // A withdrawn one has given its place back already.
            if (connection.TryTake())
            {
                Taken++;
                OnDequeued();
                return true;
            }
        }

        return false;
    }

    /// <summary>The next connection, or null when the queue is complete and empty.</summary>
    internal async ValueTask<FdmConnection?> DequeueAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            // A TaskCanceledException, as on Sockets.
            await Task.FromCanceled(cancellationToken).ConfigureAwait(false);
        }

        do
        {
            if (TryDequeue(out FdmConnection? connection))
            {
                return connection;
            }
        }
        while (await _channel.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false));

        return null;
    }

    private void OnDequeued()
    {
        // Half empty before accepting goes on, so that a full queue does not cost two calls per connection.
        if (Interlocked.Decrement(ref _reserved) <= _limit / 2
            && Volatile.Read(ref _full) != 0
            && Interlocked.Exchange(ref _full, 0) != 0)
        {
            _onSpaceAvailable();
        }
    }
}
