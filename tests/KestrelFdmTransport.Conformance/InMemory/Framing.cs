namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>How an HTTP/1.1 response marks the end of its body; in memory there is no framing.</summary>
internal enum Framing
{
    /// <summary>
    /// As the application says it, by a Content-Length or because the status allows no body: no header is added.
    /// </summary>
    Application,

    /// <summary>The application has written nothing: the server adds <c>Content-Length: 0</c>.</summary>
    Empty,

    /// <summary>
    /// The application has begun without a length: the server adds <c>Transfer-Encoding: chunked</c>.
    /// </summary>
    Chunked,
}
