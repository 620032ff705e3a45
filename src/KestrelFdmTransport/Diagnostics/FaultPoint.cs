namespace KestrelFdmTransport.Diagnostics;

/// <summary>The steps that acquire something, each of which may fail without memory or without a thread.</summary>
internal enum FaultPoint
{
    /// <summary>The start of one of our threads.</summary>
    ThreadStarts,

    /// <summary>The creation of a runtime timer.</summary>
    TimerMade,

    /// <summary>The allocation of a loop's event buffer.</summary>
    EventBufferMade,

    /// <summary>The end of a loop's construction, after its descriptors.</summary>
    LoopMade,

    /// <summary>A source gets its slot.</summary>
    SlotTaken,

    /// <summary>A source with a slot gets its place in the polling sets.</summary>
    SourceCounted,

    /// <summary>A ready queue is about to grow.</summary>
    ReadyQueueGrown,

    /// <summary>A source enters the timer queue.</summary>
    TimerSet,

    /// <summary>A connection gets the timer of its idle timeout.</summary>
    IdleTimerSet,

    /// <summary>A source is queued for the close at the end of the iteration.</summary>
    CloseQueued,

    /// <summary>The creation of a thread's buffer cache for an endpoint.</summary>
    BufferCacheMade,

    /// <summary>The creation of a listener from its sockets.</summary>
    ListenerMade,

    /// <summary>The creation of a loop's acceptor.</summary>
    AcceptorMade,

    /// <summary>The memory of an endpoint is about to be made.</summary>
    EndpointBuffersMade,

    /// <summary>The creation of a <c>ConnectionIo</c>.</summary>
    IoMade,

    /// <summary>The creation of an <c>FdmConnection</c>.</summary>
    ConnectionMade,

    /// <summary>An accepted connection enters the accept queue.</summary>
    ConnectionQueued,

    /// <summary>The creation of a segment object.</summary>
    SegmentMade,

    /// <summary>The creation of a pipe's cold state.</summary>
    PipeColdStateMade,

    /// <summary>The creation of the application's <c>Socket</c> for the connection's descriptor.</summary>
    SocketMade,

    /// <summary>The creation of a connector.</summary>
    ConnectorMade,

    /// <summary>A connected descriptor becomes a connection.</summary>
    ConnectorConnected,
}
