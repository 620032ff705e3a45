using System;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using KestrelFdmTransport;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts the connections of a client of <see cref="IHttpClientFactory"/> on the event loops.</summary>
public static class HttpClientBuilderFdmExtensions
{
    /// <summary>
    /// Opens the client's connections through the <see cref="FdmConnectionFactory"/> of the container, which is added
    /// if it is not there. A server in the process stays on its transport.
    /// </summary>
    /// <param name="builder">The builder of the client.</param>
    /// <returns>The same builder.</returns>
    /// <remarks>
    /// The client's primary handler becomes a <see cref="SocketsHttpHandler"/> if it is none. Other settings of one
    /// stay. <see cref="SocketsHttpHandlerFdmExtensions.UseFdm(SocketsHttpHandler, FdmConnectionFactory)"/> has the
    /// details.
    /// </remarks>
    public static IHttpClientBuilder UseFdmConnections(this IHttpClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddFdmConnectionFactory();
        return builder.UseSocketsHttpHandler(
            static (handler, services) => handler.UseFdm(services.GetRequiredService<FdmConnectionFactory>()));
    }

    /// <summary>
    /// Opens the client's connections through the <see cref="FdmConnectionFactory"/> of the container, all to one
    /// endpoint.
    /// </summary>
    /// <param name="builder">The builder of the client.</param>
    /// <param name="endpoint">
    /// Where every connection goes, regardless of the request's host; mostly a <see cref="UnixDomainSocketEndPoint"/>.
    /// No proxy is used.
    /// </param>
    /// <returns>The same builder.</returns>
    /// <inheritdoc cref="UseFdmConnections(IHttpClientBuilder)" path="/remarks"/>
    public static IHttpClientBuilder UseFdmConnections(this IHttpClientBuilder builder, EndPoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(endpoint);
        builder.Services.AddFdmConnectionFactory();
        return builder.UseSocketsHttpHandler(
            (handler, services) => handler.UseFdm(services.GetRequiredService<FdmConnectionFactory>(), endpoint));
    }
}
