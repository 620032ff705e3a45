using System;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>A provider as the interface asks for and no more: it cannot say what it has.</summary>
internal sealed class PlainProvider(IServiceProvider provider) : IServiceProvider
{
    public object? GetService(Type serviceType)
        => serviceType == typeof(IServiceProviderIsService)
            || serviceType == typeof(IServiceProviderIsKeyedService) ? null : provider.GetService(serviceType);
}
