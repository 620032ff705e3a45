using System;
using KestrelFdmTransport;
using KestrelFdmTransport.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Options of the FDM transport for a single endpoint.</summary>
public static class ListenOptionsFdmExtensions
{
    /// <summary>
    /// Sets options of an endpoint that differ from those of the transport. Kestrel must be on the transport
    /// (<c>UseFdmTransport</c>).
    /// </summary>
    /// <param name="listenOptions">The endpoint: an IP address, a Unix socket or a file handle.</param>
    /// <param name="configureOptions">
    /// Called once, at once. It finds the values of the transport and of the endpoint's section
    /// <c>Kestrel:Endpoints:{name}:Fdm</c>, and those of an earlier call for the same endpoint.
    /// </param>
    /// <returns>The same endpoint.</returns>
    /// <exception cref="InvalidOperationException">
    /// Kestrel is not on the transport, or the transport has no endpoints of this kind.
    /// </exception>
    /// <exception cref="OptionsValidationException">
    /// An option has a value that is not allowed, or that has no effect on this kind of endpoint.
    /// </exception>
    /// <remarks>
    /// For HTTP/1 and HTTP/2: HTTP/3 is not on this transport, and the start fails if the endpoint has nothing else.
    /// Where the transport cannot run, the Sockets transport serves the endpoint without these options.
    /// </remarks>
    public static ListenOptions UseFdm(this ListenOptions listenOptions, Action<FdmEndpointOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        ArgumentNullException.ThrowIfNull(configureOptions);
        OptionsByEndpoint options = listenOptions.ApplicationServices?.GetService<OptionsByEndpoint>()
            ?? throw new InvalidOperationException(
                $"{nameof(UseFdm)} sets options of the FDM transport, which Kestrel is not on. Call "
                    + $"{nameof(WebHostBuilderFdmExtensions.UseFdmTransport)} on the web host builder.");
        options.Set(listenOptions, configureOptions);
        return listenOptions;
    }
}
