using KestrelFdmTransport.Buffers;

namespace KestrelFdmTransport.Connections;

/// <summary>As <see cref="PipeColdState"/>; and a flush seldom has to wait, nor does another one come before it has left.</summary>
internal sealed class WriterColdState : PipeColdState
{
    /// <summary>A field: it is worked on in place.</summary>
    internal WaitingContinuation Waiter;

    /// <summary>The last block that waits in the outbox, as far as it is known. Producer only.</summary>
    internal BufferSegment? FlushedTail { get; set; }
}
