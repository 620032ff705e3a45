using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Hosting;

/// <summary>
/// Takes the place of a framework's keyed factory: this transport's where it can run, otherwise the framework's own.
/// </summary>
/// <param name="original">The framework's registration.</param>
/// <param name="isActive">Null if the transport can run; otherwise the reason.</param>
/// <param name="create">This transport's factory.</param>
internal sealed class KeyedConnections(
    ServiceDescriptor original,
    Func<IServiceProvider, string?> isActive,
    Func<IServiceProvider, object> create)
{
    private int _reported;

    /// <summary>True for a registration that <see cref="Replacement"/> has made.</summary>
    internal static bool IsReplacement(ServiceDescriptor service)
        => service.KeyedImplementationFactory?.Target is KeyedConnections;

    internal ServiceDescriptor Replacement()
        => new(original.ServiceType, original.ServiceKey, Create, original.Lifetime);

    private object Create(IServiceProvider services, object? key)
    {
        if (isActive(services) is not { } reason)
        {
            return create(services);
        }

        if (Interlocked.Exchange(ref _reported, 1) == 0)
        {
            ILogger logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(
                FdmTransportDiagnostics.LogCategory);
            Log.KeyedFactoryKept(logger, original.ServiceType.Name, reason);
        }

        return original.KeyedImplementationInstance
            ?? original.KeyedImplementationFactory?.Invoke(services, key)
            ?? ActivatorUtilities.CreateInstance(services, original.KeyedImplementationType!);
    }
}
