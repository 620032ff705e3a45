using System;
using KestrelFdmTransport;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Puts Kestrel on the FDM transport.</summary>
public static class WebHostBuilderFdmExtensions
{
    /// <summary>
    /// Makes Kestrel serve its endpoints on the FDM transport. Where that cannot run, the Sockets transport serves
    /// them, with a warning in the log.
    /// </summary>
    /// <param name="hostBuilder">The builder, before or after <c>UseKestrel</c> and <c>UseSockets</c>.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseFdmTransport(this IWebHostBuilder hostBuilder)
    {
        ArgumentNullException.ThrowIfNull(hostBuilder);
        return hostBuilder.ConfigureServices(static services => services.AddFdmTransport());
    }

    /// <summary>Makes Kestrel serve its endpoints on the FDM transport, with options.</summary>
    /// <param name="hostBuilder">The builder, before or after <c>UseKestrel</c> and <c>UseSockets</c>.</param>
    /// <param name="configureOptions">Sets options; it comes after the configuration section
    /// <c>Kestrel:FdmTransport</c>.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseFdmTransport(
        this IWebHostBuilder hostBuilder,
        Action<FdmTransportOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(hostBuilder);
        ArgumentNullException.ThrowIfNull(configureOptions);
        return hostBuilder.ConfigureServices(services => services.AddFdmTransport(configureOptions));
    }
}
