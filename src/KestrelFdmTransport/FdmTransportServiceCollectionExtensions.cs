using System;
using KestrelFdmTransport;
using KestrelFdmTransport.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the FDM transport to a container.</summary>
public static class FdmTransportServiceCollectionExtensions
{
    /// <summary>Our registration for Kestrel is known by this delegate.</summary>
    private static readonly Func<IServiceProvider, object> s_transport = ResolveTransport;

    /// <summary>
    /// Adds the FDM transport. Kestrel, if it is or will be in the container, serves its endpoints on it. Where it
    /// cannot run, the Sockets transport serves them, with a warning in the log.
    /// </summary>
    /// <param name="services">The services. <c>UseFdmTransport</c> of a web host builder does the same.</param>
    /// <returns>The same services.</returns>
    /// <remarks>
    /// The container then has <see cref="IFdmTransport"/>, <see cref="FdmTransportFactory"/> and
    /// <see cref="FdmConnectionFactory"/> as singletons; registrations of the application's own stay. A second call
    /// changes nothing.
    /// </remarks>
    public static IServiceCollection AddFdmTransport(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);

        // First, and not left to UseKestrel, which adds Sockets only if no transport is there yet: of those that can
        // bind an endpoint, Kestrel takes the one that was registered last.
        new ServicesHostBuilder(services).UseSockets();
        services.AddFdmConnectionFactory();
        AddForKestrel(services);
        AddOptionsByEndpoint(services);
        services.AddHostedService<StartReport>();
        return services;
    }

    /// <summary>Adds the FDM transport, with options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configureOptions">Sets options; it comes after the configuration section
    /// <c>Kestrel:FdmTransport</c>.</param>
    /// <returns>The same services.</returns>
    /// <inheritdoc cref="AddFdmTransport(IServiceCollection)" path="/remarks"/>
    public static IServiceCollection AddFdmTransport(
        this IServiceCollection services, Action<FdmTransportOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(configureOptions);
        return services.AddFdmTransport().Configure(configureOptions);
    }

    /// <summary>
    /// Adds <see cref="FdmConnectionFactory"/>, for a process that opens connections on the event loops. A server in
    /// the process stays on its transport.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The same services.</returns>
    /// <remarks>
    /// <see cref="IFdmTransport"/> is there as well. The loops start with the first connection.
    /// <see cref="AddFdmTransport(IServiceCollection)"/> includes this.
    /// </remarks>
    public static IServiceCollection AddFdmConnectionFactory(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddLogging();
        AddOptions(services);
        AddFactories(services);
        return services;
    }

    /// <summary>
    /// Puts frameworks whose networking is a keyed <see cref="IConnectionFactory"/> or
    /// <see cref="IConnectionListenerFactory"/> on the event loops, Orleans for example. Where the transport cannot
    /// run, they keep their own, with a warning in the log.
    /// </summary>
    /// <param name="services">The services, which the framework has been added to.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="InvalidOperationException">No such service is registered yet.</exception>
    /// <remarks>
    /// It replaces every keyed registration of the two types that is there at this moment. A server in the process
    /// stays on its transport, and shares the loops if that is this one.
    /// </remarks>
    public static IServiceCollection UseFdmForKeyedConnections(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddFdmConnectionFactory();
        bool found = false;
        for (int i = 0; i < services.Count; i++)
        {
            ServiceDescriptor service = services[i];
            if (!service.IsKeyedService || FactoryFor(service.ServiceType) is not { } create)
            {
                continue;
            }

            found = true;
            if (!KeyedConnections.IsReplacement(service))
            {
                services[i] = new KeyedConnections(service, InactiveReason, create).Replacement();
            }
        }

        return found ? services : throw new InvalidOperationException(
            $"No keyed {nameof(IConnectionFactory)} or {nameof(IConnectionListenerFactory)} is registered. Add the "
                + $"framework first, and then call {nameof(UseFdmForKeyedConnections)}.");
    }

    private static string? InactiveReason(IServiceProvider provider)
        => provider.GetRequiredService<FdmTransportFactory>().InactiveReason;

    private static Func<IServiceProvider, object>? FactoryFor(Type service)
        => service == typeof(IConnectionListenerFactory) ? s_transport
            : service == typeof(IConnectionFactory)
                ? static provider => provider.GetRequiredService<FdmConnectionFactory>()
            : null;

    /// <summary>An application's own registration of the factories stays: Kestrel is put on that one.</summary>
    private static void AddFactories(IServiceCollection services)
    {
        services.TryAddSingleton<FdmTransportFactory>(static provider => new FdmTransportFactory(
            provider.GetRequiredService<IOptions<FdmTransportOptions>>(),
            provider.GetRequiredService<ILoggerFactory>(),
            provider.GetService<IMemoryPoolFactory<byte>>()));
        services.TryAddSingleton<IFdmTransport>(static provider => provider.GetRequiredService<FdmTransportFactory>());
        services.TryAddSingleton<FdmConnectionFactory>(static provider => new FdmConnectionFactory(
            provider.GetRequiredService<FdmTransportFactory>()));
    }

    /// <summary>Once, and last, even if services were removed or added since an earlier call.</summary>
    private static void AddForKestrel(IServiceCollection services)
    {
        for (int i = services.Count - 1; i >= 0; i--)
        {
            if (IsForKestrel(services[i]))
            {
                services.RemoveAt(i);
            }
        }

        services.Add(new ServiceDescriptor(typeof(IConnectionListenerFactory), s_transport, ServiceLifetime.Singleton));
    }

    private static void AddOptions(IServiceCollection services)
    {
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

    /// <summary>Only where Kestrel is on the transport: <c>UseFdm</c> asks for them.</summary>
    private static void AddOptionsByEndpoint(IServiceCollection services)
    {
        services.TryAddSingleton(static provider => new OptionsByEndpoint(
            provider.GetRequiredService<FdmTransportFactory>().TransportOptions));
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<KestrelServerOptions>, OptionsByEndpoint>(
                static provider => provider.GetRequiredService<OptionsByEndpoint>()));
    }

    private static bool IsForKestrel(ServiceDescriptor service)
        => service.ServiceType == typeof(IConnectionListenerFactory) && !service.IsKeyedService
            && (
                service.ImplementationFactory == s_transport
                    || service.ImplementationType == typeof(FdmTransportFactory));

    private static FdmTransportFactory ResolveTransport(IServiceProvider provider)
    {
        FdmTransportFactory transport = provider.GetRequiredService<FdmTransportFactory>();
        transport.OptionsByEndpoint = provider.GetService<OptionsByEndpoint>();
        if (provider.GetService<IHostApplicationLifetime>() is { } lifetime)
        {
            transport.StopHost = lifetime.StopApplication;
        }

        return transport;
    }
}
