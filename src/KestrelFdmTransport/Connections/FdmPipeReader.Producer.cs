using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <content>The loop's end of the input. All members belong to the loop's owner, save where they say
/// otherwise.</content>
internal sealed partial class FdmPipeReader
{
    private bool _paused;
    private bool _ended;
    private bool _endDecided;

    /// <summary>Bytes received so far. Any thread.</summary>
    internal long Received => _chain.Received;

    /// <summary>True once the application has completed the reader. Any thread.</summary>
    internal bool IsCompleted => _chain.IsCompleted;

    /// <summary>What the application has completed the reader with.</summary>
    internal Exception? CompletionError => Volatile.Read(ref _cold)?.CompletionError?.SourceException;

    /// <summary>What the input has ended with. Any thread.</summary>
    internal Exception? EndError => Volatile.Read(ref _cold)?.EndError?.SourceException;

    internal bool HasEnded => Volatile.Read(ref _ended);

    internal bool IsPaused => Volatile.Read(ref _paused);

    /// <summary>
    /// True if bytes wait for the application: no read has returned them, or the one that did is over and has left
    /// them. Unless the application waits for more than there is. Any thread; as of about now.
    /// </summary>
    internal bool IsBehind
    {
        get
        {
            long received = _chain.Received;
            if (IsCompleted)
            {
                return false;
            }

            return Volatile.Read(ref _reading)
                ? received != Volatile.Read(ref _given)
                : received != _chain.Consumed && (!_awaitable.IsWaiting || IsReady);
        }
    }

    /// <summary>True while the application waits for bytes and has consumed all there were.</summary>
    internal bool IsReadPending => _awaitable.IsWaiting && !IsPaused && _chain.Consumed == _chain.Received;

    private bool IsWaitOver => _awaitable.IsWaiting && IsReady;

    /// <summary>Where the next bytes may go. False if there is no block at hand.</summary>
    internal bool TryBeginReceive(out Span<byte> space) => _chain.TryBeginReceive(_host, out space);

    /// <summary>
    /// Ends what <see cref="TryBeginReceive"/> began; <paramref name="count"/> bytes are visible to the reader now.
    /// </summary>
    internal void EndReceive(int count) => _chain.EndReceive(_host, count);

    /// <summary>Gives back a block that was taken for a receive that brought nothing.</summary>
    internal void ReturnSpare() => _chain.ReturnSpare(_host);

    /// <summary>Completes a waiting read if it has what it asked for.</summary>
    /// <param name="inline">True if it was decided already that the continuation runs here.</param>
    internal void Notify(bool inline = false)
    {
        if (IsWaitOver)
        {
            _awaitable.Complete(this, _host, inline ? Placement.Inline : _host.Decide(Origin.Loop));
        }
    }

    /// <summary>
    /// As <see cref="Notify"/>, but false and nothing done if the continuation would run here, or may need a new
    /// thread, which the loop would wait for unwatched.
    /// </summary>
    /// <param name="inline">True if <see cref="Notify"/> is to run the continuation here.</param>
    internal bool TryQueueNotify(out bool inline)
    {
        inline = false;
        if (!IsWaitOver)
        {
            return true;
        }

        Placement placement = _host.Decide(Origin.Loop);
        if (placement != Placement.Pool)
        {
            inline = placement == Placement.Inline;
            return false;
        }

        _awaitable.Complete(this, _host, placement);
        return true;
    }

    /// <summary>True if the application is so far behind that receiving has to wait for it.</summary>
    internal bool TryPause()
    {
        _host.AssertOwner();
        long threshold = _host.Settings.ReadPauseThreshold;
        if (threshold == 0 || !MustPause(threshold))
        {
            return false;
        }

        SyncPoints.Hit(SyncPoint.ReceivePauses, _host);
        Interlocked.Exchange(ref _paused, true);
        if ((MustPause(_host.Settings.ReadResumeThreshold) && !_chain.IsCompleted)
            || !Interlocked.CompareExchange(ref _paused, false, true))
        {
            // Paused; or the consumer has resumed us already, and its command is on the way.
            return true;
        }

        return false;
    }

    /// <summary>No more bytes will come. The application sees what it has not consumed yet, and then the end.</summary>
    /// <remarks>
    /// Any thread. The continuation of a waiting read goes to the pool: the end of a connection is not the hot path.
    /// </remarks>
    internal void CompleteInput(Exception? error)
    {
        PipeColdState.End(ref _cold, ref _endDecided, ref _ended, error);
        CompleteWait(Origin.Foreign);
    }

    /// <summary>The loop will not touch the chain again, and the input is over.</summary>
    /// <remarks>
    /// In this order: a read that was pending when the reader was completed must not look at blocks on their way back.
    /// </remarks>
    internal void CompleteProducer(Exception? error)
    {
        PipeColdState.End(ref _cold, ref _endDecided, ref _ended, error);
        ReturnSpare();
        _chain.Leave(_host, InputSide.Producer);
        CompleteWait(Origin.Foreign);
    }

    private bool MustPause(long threshold)
    {
        long unexamined = _chain.Received - Volatile.Read(ref _examined);
        return unexamined >= threshold && unexamined >= Volatile.Read(ref _minimum);
    }

    /// <summary>Any thread.</summary>
    private void ResumeProducer()
    {
        if (Volatile.Read(ref _paused) && Interlocked.CompareExchange(ref _paused, false, true))
        {
            _host.Post(LoopCommand.Resume);
        }
    }
}
