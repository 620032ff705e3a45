namespace KestrelFdmTransport.Diagnostics;

/// <summary>The steps that acquire something, each of which may fail without memory or without a thread.</summary>
internal enum FaultPoint
{
    /// <summary>One of our threads is about to be started.</summary>
    ThreadStarts,

    /// <summary>A timer of the runtime is about to be made.</summary>
    TimerMade,

    /// <summary>Native memory for a loop's events is about to be taken.</summary>
    EventBufferMade,

    /// <summary>A loop has its descriptors and is about to be finished.</summary>
    LoopMade,

    /// <summary>A source is about to get its slot.</summary>
    SlotTaken,

    /// <summary>A source has its slot and is about to get its place in the polling sets.</summary>
    SourceCounted,

    /// <summary>A ready queue is about to grow.</summary>
    ReadyQueueGrown,

    /// <summary>A source is about to be put among those that wait for a time.</summary>
    DeadlineSet,

    /// <summary>A connection is about to be put into the wheel of idle timeouts.</summary>
    TimerSet,

    /// <summary>A source is about to be put among those that are closed at the end of the iteration.</summary>
    CloseQueued,

    /// <summary>A thread is about to make a place for the blocks of an endpoint.</summary>
    BufferCacheMade,

    /// <summary>A listener is about to be made of its sockets.</summary>
    ListenerMade,

    /// <summary>A loop's part in listening is about to be made.</summary>
    AcceptorMade,

    /// <summary>The memory of an endpoint is about to be made.</summary>
    EndpointBuffersMade,

    /// <summary>The descriptor's side of a connection is about to be made.</summary>
    IoMade,

    /// <summary>The application's side of a connection is about to be made.</summary>
    ConnectionMade,

    /// <summary>An accepted connection is about to be put into the accept queue.</summary>
    ConnectionQueued,

    /// <summary>A segment object is about to be made.</summary>
    SegmentMade,

    /// <summary>The state that few connections need is about to be made.</summary>
    PipeColdStateMade,

    /// <summary>The application's socket is about to be made, with the connection's own number.</summary>
    SocketMade,

    /// <summary>An attempt to connect is about to be made.</summary>
    ConnectorMade,

    /// <summary>A descriptor has been connected and is about to become a connection.</summary>
    ConnectorConnected,
}
