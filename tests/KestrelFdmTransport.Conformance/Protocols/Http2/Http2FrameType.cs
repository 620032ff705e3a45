namespace KestrelFdmTransport.Conformance.Protocols.Http2;

internal enum Http2FrameType
{
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
}
