using System;
using KestrelFdmTransport;
using KestrelFdmTransport.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Puts Kestrel on the FDM transport.</summary>
public static class WebHostBuilderFdmExtensions
{
    /// <summary>Our registration for Kestrel is known by this delegate.</summary>
    private static readonly Func<IServiceProvider, object> s_transport = ResolveTransport;

    /// <summary>
    /// Makes Kestrel serve its endpoints on the FDM transport. Where that cannot run, the Sockets transport serves
    /// them, with a warning in the log.
    /// </summary>
    /// <param name="hostBuilder">The builder, before or after <c>UseKestrel</c> and <c>UseSockets</c>.</param>
    /// <returns>The same builder.</returns>
    public static IWebHostBuilder UseFdmTransport(this IWebHostBuilder hostBuilder)
    {
        ArgumentNullException.ThrowIfNull(hostBuilder);

        // First, and not left to UseKestrel, which adds Sockets only if no transport is there yet: of those that can
        // bind an endpoint, Kestrel takes the one that was registered last.
        hostBuilder.UseSockets();
        return hostBuilder.ConfigureServices(static services => AddTransport(services));
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
        ArgumentNullException.ThrowIfNull(configureOptions);
        return hostBuilder.UseFdmTransport().ConfigureServices(services => services.Configure(configureOptions));
    }

    private static void AddTransport(IServiceCollection services)
    {
        // An application's own registration of the factories stays: Kestrel is put on that one.
        services.TryAddSingleton<FdmTransportFactory>(static provider => new FdmTransportFactory(
            provider.GetRequiredService<IOptions<FdmTransportOptions>>(),
            provider.GetRequiredService<ILoggerFactory>(),
            provider.GetService<IMemoryPoolFactory<byte>>()));
        services.TryAddSingleton<FdmConnectionFactory>(static provider => new FdmConnectionFactory(
            provider.GetRequiredService<FdmTransportFactory>()));

        // Once, and last, even if services were removed or added since an earlier call.
        for (int i = services.Count - 1; i >= 0; i--)
        {
            if (IsForKestrel(services[i]))
            {
                services.RemoveAt(i);
            }
        }

        services.Add(new ServiceDescriptor(typeof(IConnectionListenerFactory), s_transport, ServiceLifetime.Singleton));
        services.TryAddTransient<IOptionsFactory<FdmTransportOptions>>(
            static provider => new FdmTransportOptionsFactory(
                provider.GetServices<IConfigureOptions<FdmTransportOptions>>(),
                provider.GetServices<IPostConfigureOptions<FdmTransportOptions>>(),
                provider.GetServices<IValidateOptions<FdmTransportOptions>>(),
                provider.GetRequiredService<IOptions<SocketTransportOptions>>(),
                provider.GetService<IConfiguration>()));
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<FdmTransportOptions>, FdmTransportOptionsValidator>());
        services.AddOptions<FdmTransportOptions>().ValidateOnStart();
    }

    private static bool IsForKestrel(ServiceDescriptor service)
        => service.ServiceType == typeof(IConnectionListenerFactory) && !service.IsKeyedService
            && (
                service.ImplementationFactory == s_transport
                    || service.ImplementationType == typeof(FdmTransportFactory));

    private static FdmTransportFactory ResolveTransport(IServiceProvider provider)
    {
        FdmTransportFactory transport = provider.GetRequiredService<FdmTransportFactory>();
        if (provider.GetService<IHostApplicationLifetime>() is { } lifetime)
        {
            transport.StopHost = lifetime.StopApplication;
        }

        return transport;
    }
}
