using System;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <content>The sender's end of the output. Members belong to the holder of the send gate, save where they say
/// otherwise.</content>
internal sealed partial class FdmPipeWriter
{
    private UnsentChain _unsent;
    private long _sent;
    private bool _consumerCompleted;
    private bool _consumerEndDecided;

    /// <summary>
    /// Bytes flushed and not taken by the kernel. What is dropped is never sent, so that a flush which waits goes on
    /// waiting until <see cref="CompleteConsumer"/>, and further ones are held as before. Any thread.
    /// </summary>
    internal long Unsent => Volatile.Read(ref _committed) - Volatile.Read(ref _sent);

    /// <summary>True if a flush has to wait for the sender. Any thread.</summary>
    internal bool IsOverPauseThreshold
        => _io.Settings.WritePauseThreshold is not 0 and var threshold && Unsent >= threshold;

    /// <summary>Bytes that the kernel has taken. Any thread.</summary>
    internal long Sent => Volatile.Read(ref _sent);

    /// <summary>True once the application has completed the writer. Any thread.</summary>
    internal bool IsCompleted => Volatile.Read(ref _completed);

    /// <summary>True once the application has called Complete, even if a producer is inside. Any thread.</summary>
    internal bool IsCompleteCalled => Volatile.Read(ref _completeCalled);

    /// <summary>
    /// False once no flush can wait: the application has completed the writer, and everything has left. Any thread.
    /// </summary>
    internal bool MayWait => !IsCompleted || !IsDrained;

    /// <summary>True once nothing more will be sent. Any thread.</summary>
    internal bool IsConsumerCompleted => Volatile.Read(ref _consumerCompleted);

    internal Exception? CompletionError => Volatile.Read(ref _cold)?.CompletionError?.SourceException;

    /// <summary>True if everything flushed has left. Any thread.</summary>
    internal bool IsDrained => Unsent <= 0;

    /// <summary>Takes what has been flushed since; true if there is anything to send.</summary>
    internal bool TakeFlushed()
    {
        _io.Sender.AssertInsideGate();
        if (Volatile.Read(ref _outbox) is not null && Interlocked.Exchange(ref _outbox, null) is { } chain)
        {
            _unsent.Append(chain);
        }

        return !_unsent.IsEmpty;
    }

    /// <summary>One system call. Returns its result; the bytes sent are accounted for.</summary>
    /// <param name="share">Bytes to send at most; more than none.</param>
    internal int Transmit(long share)
    {
        _io.Sender.AssertInsideGate();
        int result = _unsent.Send(_io.Descriptor, share);
        if (result > 0)
        {
            Volatile.Write(ref _sent, _sent + _unsent.Advance(result));
        }

        return result;
    }

    /// <summary>Drops what is unsent: nothing more will leave.</summary>
    internal void DiscardUnsent() => _unsent.Advance(long.MaxValue);

    internal BufferSegment? TakeSent() => _unsent.TakeSent();

    /// <summary>Puts back what <see cref="TakeSent"/> has just taken, until the gate is left.</summary>
    internal void KeepSent(BufferSegment? sent) => _unsent.KeepSent(sent);

    /// <summary>
    /// Lets a paused flush go on if enough has left. Any thread, after a full fence that follows the sending.
    /// </summary>
    internal void ResumeFlush(Origin origin)
    {
        if (Volatile.Read(ref _paused) != 0
            && Unsent < _io.Settings.WriteResumeThreshold
            && Interlocked.CompareExchange(ref _paused, 0, 1) == 1)
        {
            CompleteWait(origin);
        }
    }

    /// <summary>
    /// Nothing more will be sent: flushes complete from now on, with the error if there is one. Any thread.
    /// </summary>
    internal void CompleteConsumer(Exception? error)
    {
        PipeColdState.End(ref _cold, ref _consumerEndDecided, ref _consumerCompleted, error);
        CompleteWait(Origin.Foreign);
    }

    /// <summary>Returns everything unsent. The closer, with the gate shut.</summary>
    internal void DropUnsent()
    {
        ReturnChain(Interlocked.Exchange(ref _outbox, null));
        ReturnChain(_unsent.TakeUnsent());
    }

    /// <summary>Gives blocks back, outside the gate: a pool is user code.</summary>
    internal void ReturnChain(BufferSegment? head)
    {
        while (head is { } segment)
        {
            head = segment.NextSegment;
            Return(segment);
        }
    }

    /// <summary>
    /// Gives the block back. The object is used again only if no caller can have come too late to it.
    /// </summary>
    /// <remarks>
    /// Complete says that it was called, by an exchange, before it hands over what the application has written. So what
    /// a producer may have in its hands while another thread completes the writer comes here after that, and is not
    /// used again.
    /// </remarks>
    private void Return(BufferSegment segment)
    {
        if (IsCompleteCalled)
        {
            _io.Buffers.ReturnBlock(_io.Loop, segment);
        }
        else
        {
            _io.Buffers.Return(_io.Loop, segment);
        }
    }
}
