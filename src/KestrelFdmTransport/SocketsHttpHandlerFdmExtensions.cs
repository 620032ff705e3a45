using System;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;

namespace KestrelFdmTransport;

/// <summary>Puts the connections of a <see cref="SocketsHttpHandler"/> on the event loops.</summary>
public static class SocketsHttpHandlerFdmExtensions
{
    /// <summary>Opens the handler's connections through a connection factory.</summary>
    /// <param name="handler">A handler that has sent no request yet.</param>
    /// <param name="factory">
    /// The factory, which has to live as long as the handler. Where the transport cannot run it opens plain sockets.
    /// </param>
    /// <returns>The same handler.</returns>
    /// <exception cref="InvalidOperationException">The handler has sent a request already.</exception>
    /// <remarks>
    /// It replaces <see cref="SocketsHttpHandler.ConnectCallback"/>. Proxies, TLS, HTTP/2 and
    /// <see cref="SocketsHttpHandler.ConnectTimeout"/> work as before. HTTP/3 does not use these connections.
    /// </remarks>
    public static SocketsHttpHandler UseFdm(this SocketsHttpHandler handler, FdmConnectionFactory factory)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(factory);
        handler.ConnectCallback = (context, token) => factory.ConnectStreamAsync(context.DnsEndPoint, token);
        return handler;
    }

    /// <summary>Opens the handler's connections through a connection factory, all to one endpoint.</summary>
    /// <param name="handler">A handler that has sent no request yet.</param>
    /// <param name="factory">
    /// The factory, which has to live as long as the handler. Where the transport cannot run it opens plain sockets.
    /// </param>
    /// <param name="endpoint">
    /// Where every connection goes, regardless of the request's host; mostly a <see cref="UnixDomainSocketEndPoint"/>.
    /// </param>
    /// <returns>The same handler.</returns>
    /// <exception cref="InvalidOperationException">The handler has sent a request already.</exception>
    /// <remarks>
    /// It replaces <see cref="SocketsHttpHandler.ConnectCallback"/> and sets <see cref="SocketsHttpHandler.UseProxy"/>
    /// to <see langword="false"/>, because a proxy would be at that endpoint too.
    /// </remarks>
    public static SocketsHttpHandler UseFdm(
        this SocketsHttpHandler handler, FdmConnectionFactory factory, EndPoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(endpoint);
        handler.ConnectCallback = (_, token) => factory.ConnectStreamAsync(endpoint, token);
        handler.UseProxy = false;
        return handler;
    }
}
