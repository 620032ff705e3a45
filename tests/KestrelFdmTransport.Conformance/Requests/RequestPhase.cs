namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>How far a connection has come when something happens to it.</summary>
public enum RequestPhase
{
    BeforeTheFirstByte,
    WithinTheRequestLine,
    WithinTheHeaders,
    WhileTheHandlerWaits,
    WithinTheBody,
    WhileTheInputIsHeldUp,
    AfterTheResponseBegan,
    WhileTheOutputIsHeldUp,
    BetweenRequests,
}
