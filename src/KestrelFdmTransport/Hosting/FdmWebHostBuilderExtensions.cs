using System;
using KestrelFdmTransport;
using KestrelFdmTransport.Hosting;
using KestrelFdmTransport.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Puts Kestrel on the FDM transport.</summary>
public static class FdmWebHostBuilderExtensions
{
    /// <summary>
    /// Makes Kestrel serve its endpoints on the FDM transport. What the transport cannot serve, on this machine or at all, is
    /// served by the Sockets transport, with a line in the log.
    /// </summary>
    /// <param name="hostBuilder">The builder, before or after <c>UseKestrel</c> and <c>UseSockets</c>.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseFdmTransport(this IWebHostBuilder hostBuilder)
    {
        ArgumentNullException.ThrowIfNull(hostBuilder);

        // First, and not left to UseKestrel, which adds Sockets only if no transport is there yet: of those that can bind an
        // endpoint, Kestrel takes the one that was registered last.
        hostBuilder.UseSockets();
        return hostBuilder.ConfigureServices(static services => AddTransport(services));
    }

    /// <summary>Makes Kestrel serve its endpoints on the FDM transport, with options.</summary>
    /// <param name="hostBuilder">The builder, before or after <c>UseKestrel</c> and <c>UseSockets</c>.</param>
    /// <param name="configureOptions">Sets options; it comes after the configuration section <c>Kestrel:FdmTransport</c>.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseFdmTransport(this IWebHostBuilder hostBuilder, Action<FdmTransportOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(configureOptions);
        return hostBuilder.UseFdmTransport().ConfigureServices(services => services.Configure(configureOptions));
    }

    private static void AddTransport(IServiceCollection services)
    {
        foreach (ServiceDescriptor service in services)
        {
            if (service.ServiceType == typeof(FdmTransportFactory))
            {
                return;
            }
        }

        services.AddSingleton<FdmTransportFactory>(static provider => new FdmTransportFactory(
            provider.GetRequiredService<IOptions<FdmTransportOptions>>(),
            provider.GetRequiredService<ILoggerFactory>(),
            provider.GetRequiredService<IMemoryPoolFactory<byte>>())
        {
            StopHost = provider.GetService<IHostApplicationLifetime>() is { } lifetime ? lifetime.StopApplication : null,
        });
        services.AddSingleton<FdmConnectionFactory>(static provider => new FdmConnectionFactory(
            provider.GetRequiredService<FdmTransportFactory>()));
        services.AddSingleton<IConnectionListenerFactory>(static provider => provider.GetRequiredService<FdmTransportFactory>());
        services.TryAddTransient<IOptionsFactory<FdmTransportOptions>, FdmTransportOptionsFactory>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<FdmTransportOptions>, FdmTransportOptionsValidator>());
        services.AddOptions<FdmTransportOptions>().ValidateOnStart();
    }
}
