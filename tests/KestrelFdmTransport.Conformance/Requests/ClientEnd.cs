namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>How a client leaves.</summary>
public enum ClientEnd
{
    /// <summary>It sends FIN and goes on reading.</summary>
    Fin,

    /// <summary>It sends FIN and reads no more, so that what still comes meets a reset.</summary>
    Close,

    Reset,
}
