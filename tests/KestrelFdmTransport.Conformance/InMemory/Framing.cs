namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>How a response of HTTP/1.1 says where its body ends; in memory nobody has to say it.</summary>
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
