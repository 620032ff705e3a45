using System;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>A framework whose networking is keyed factories, as that of Orleans is.</summary>
public sealed class KeyedConnectionTests
{
    private static readonly object s_inner = new();
    private static readonly object s_outer = new();

    [Fact]
    public async Task Every_keyed_factory_becomes_the_transport_s_and_its_connections_work()
    {
        await using ServiceProvider services = Framework().UseFdmForKeyedConnections().BuildServiceProvider(true);
        await using IConnectionListener listener = await services
            .GetRequiredKeyedService<IConnectionListenerFactory>(s_outer)
            .BindAsync(new IPEndPoint(IPAddress.Loopback, 0));

        await using ConnectionContext opened =
            await services.GetRequiredKeyedService<IConnectionFactory>(s_inner).ConnectAsync(listener.EndPoint);
        await using ConnectionContext? accepted = await listener.AcceptAsync().Within("a connection");

        Assert.NotNull(opened.Features.Get<IFdmConnectionFeature>());
        Assert.NotNull(accepted?.Features.Get<IFdmConnectionFeature>());
        Assert.Same(
            services.GetRequiredKeyedService<IConnectionListenerFactory>(s_inner),
            services.GetRequiredService<FdmTransportFactory>());
    }

    [Fact]
    public void Other_services_stay()
    {
        ServiceCollection framework = Framework();
        framework.AddSingleton<IConnectionFactory, Other>();
        framework.AddKeyedSingleton<Other>(s_inner);
        using ServiceProvider services = framework.UseFdmForKeyedConnections().BuildServiceProvider(true);

        Assert.IsType<Other>(services.GetRequiredService<IConnectionFactory>());
        Assert.IsType<Other>(services.GetRequiredKeyedService<Other>(s_inner));
        Assert.Empty(services.GetServices<IConnectionListenerFactory>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Where_the_transport_cannot_run_the_framework_keeps_its_own_with_a_warning(int calls)
    {
        using var log = new LineLog();
        ServiceCollection framework = Framework();
        framework.AddSingleton<ILoggerFactory>(log).AddSingleton(
            new FdmTransportFactory(Options.Create(new FdmTransportOptions()), log)
            {
                Probe = static () => "it is forbidden."
            });
        for (int i = 0; i < calls; i++)
        {
            framework.UseFdmForKeyedConnections();
        }

        using ServiceProvider services = framework.BuildServiceProvider(true);
        Assert.IsType<Other>(services.GetRequiredKeyedService<IConnectionFactory>(s_inner));
        Assert.Equal(
            "Warning 60 The keyed IConnectionFactory keeps its former implementation instead of the FDM transport: "
                + "it is forbidden.",
            Assert.Single(log.Lines));

        // By its type, by a delegate, and as an object.
        Assert.IsType<Other>(services.GetRequiredKeyedService<IConnectionListenerFactory>(s_inner));
        Assert.IsType<Other>(services.GetRequiredKeyedService<IConnectionListenerFactory>(s_outer));
    }

    [Fact]
    public void Without_a_framework_it_says_what_to_do()
    {
        InvalidOperationException failure = Assert.Throws<InvalidOperationException>(
            () => new ServiceCollection().AddFdmTransport().UseFdmForKeyedConnections());

        Assert.Contains("Add the framework first", failure.Message, StringComparison.Ordinal);
    }

    private static ServiceCollection Framework()
    {
        var services = new ServiceCollection();
        services.AddKeyedSingleton<IConnectionFactory, Other>(s_inner);
        services.AddKeyedSingleton<IConnectionListenerFactory>(s_inner, static (_, _) => new Other());
        services.AddKeyedSingleton<IConnectionListenerFactory>(s_outer, new Other());
        return services;
    }

    private sealed class Other : IConnectionFactory, IConnectionListenerFactory
    {
        public ValueTask<ConnectionContext> ConnectAsync(
            EndPoint endpoint, CancellationToken cancellationToken = default)
            => throw new NotSupportedException();

        public ValueTask<IConnectionListener> BindAsync(
            EndPoint endpoint, CancellationToken cancellationToken = default)
            => throw new NotSupportedException();
    }
}
