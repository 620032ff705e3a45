using System;
using System.Net;
using System.Threading.Tasks;
using Autofac;
using Autofac.Extensions.DependencyInjection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// The factories in containers of several makes, registered by us, by the application, or not at all.
/// </summary>
public sealed class ContainerTests
{
    [Fact]
    public async Task A_host_on_another_container_serves()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder => builder.Host.UseServiceProviderFactory(new AutofacServiceProviderFactory()),
            application => application.MapGet(
                "/",
                (FdmTransportFactory transport, FdmConnectionFactory connections, IOptions<FdmTransportOptions> options)
                => $"{transport.GetLoopStatistics().Count} of {options.Value.LoopCount} for "
                    + $"{connections.GetType().Name}"));

        Assert.Equal($"200 1 of 1 for {nameof(FdmConnectionFactory)}", await server.GetAsync("/"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_provider_that_cannot_say_what_it_has_makes_a_transport(bool hasPool)
    {
        await using ServiceProvider services = Services(hasPool: hasPool, hasTransport: false);
        await using FdmTransportFactory transport = ActivatorUtilities.CreateInstance<FdmTransportFactory>(
            new PlainProvider(services));

        await BindAsync(transport);
        Assert.Equal(hasPool ? 1 : 0, services.GetService<CountingPools>()?.Created ?? 0);
    }

    [Fact]
    public async Task A_provider_that_cannot_say_what_it_has_makes_connections_on_the_loops_of_its_transport()
    {
        await using ServiceProvider services = Services(hasPool: false, hasTransport: true);
        await using FdmConnectionFactory connections = ActivatorUtilities.CreateInstance<FdmConnectionFactory>(
            new PlainProvider(services));

        await AssertSharesAsync(connections, services.GetRequiredService<FdmTransportFactory>());
    }

    [Fact]
    public async Task A_provider_that_cannot_say_what_it_has_makes_connections_without_a_transport()
    {
        await using ServiceProvider services = Services(hasPool: false, hasTransport: false);
        await using FdmConnectionFactory connections = ActivatorUtilities.CreateInstance<FdmConnectionFactory>(
            new PlainProvider(services));

        await ConnectAsync(connections);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_container_makes_both_by_their_types(bool isAutofac)
    {
        ServiceCollection collection = Collection(hasPool: true);
        collection.AddSingleton<FdmTransportFactory>();
        collection.AddSingleton<IConnectionFactory, FdmConnectionFactory>();
        IServiceProvider services = Build(collection, isAutofac);
        await using (((IAsyncDisposable)services).ConfigureAwait(false))
        {
            FdmTransportFactory transport = services.GetRequiredService<FdmTransportFactory>();
            await BindAsync(transport);

            Assert.Equal(1, services.GetRequiredService<CountingPools>().Created);
            await AssertSharesAsync(
                Assert.IsType<FdmConnectionFactory>(services.GetRequiredService<IConnectionFactory>()),
                transport);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_container_without_a_transport_makes_connections(bool isAutofac)
    {
        ServiceCollection collection = Collection(hasPool: false);
        collection.AddSingleton<FdmConnectionFactory>();
        IServiceProvider services = Build(collection, isAutofac);
        await using (((IAsyncDisposable)services).ConfigureAwait(false))
        {
            await ConnectAsync(services.GetRequiredService<FdmConnectionFactory>());
        }
    }

    [Fact]
    public async Task Arguments_that_are_given_are_taken()
    {
        await using ServiceProvider services = Services(hasPool: false, hasTransport: false);
        IOptions<FdmTransportOptions> options = Options.Create(new FdmTransportOptions { LoopCount = 3 });
        foreach (IServiceProvider provider in new IServiceProvider[] { services, new PlainProvider(services) })
        {
            await using FdmTransportFactory transport =
                ActivatorUtilities.CreateInstance<FdmTransportFactory>(provider, options, NullLoggerFactory.Instance);
            await BindAsync(transport);
            Assert.Equal(3, transport.GetLoopStatistics().Count);

            await using FdmConnectionFactory connections =
                ActivatorUtilities.CreateInstance<FdmConnectionFactory>(provider, transport);
            await AssertSharesAsync(connections, transport);
        }
    }

    private static IServiceProvider Build(ServiceCollection collection, bool isAutofac)
    {
        if (!isAutofac)
        {
            return collection.BuildServiceProvider(validateScopes: true);
        }

        var factory = new AutofacServiceProviderFactory();
        ContainerBuilder builder = factory.CreateBuilder(collection);
        return factory.CreateServiceProvider(builder);
    }

    private static ServiceProvider Services(bool hasPool, bool hasTransport)
    {
        ServiceCollection collection = Collection(hasPool);
        if (hasTransport)
        {
            collection.AddSingleton<FdmTransportFactory>();
        }

        return collection.BuildServiceProvider(validateScopes: true);
    }

    private static ServiceCollection Collection(bool hasPool)
    {
        var collection = new ServiceCollection();
        collection.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        collection.AddOptions<FdmTransportOptions>().Configure(options => options.LoopCount = 1);
        if (hasPool)
        {
            collection.AddSingleton<CountingPools>();
            collection.AddSingleton<IMemoryPoolFactory<byte>>(services => services.GetRequiredService<CountingPools>());
        }

        return collection;
    }

    private static async Task BindAsync(FdmTransportFactory transport)
    {
        await using IConnectionListener listener = await transport.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
    }

    private static async Task AssertSharesAsync(FdmConnectionFactory connections, FdmTransportFactory transport)
    {
        await using IConnectionListener listener = await transport.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        await using ConnectionContext opened = await connections.ConnectAsync(listener.EndPoint);
        await using ConnectionContext? accepted = await listener.AcceptAsync();
        int held = 0;
        foreach (EventLoopStatistics loop in transport.GetLoopStatistics())
        {
            held += loop.Connections;
        }

        Assert.Equal(2, held);
    }

    private static async Task ConnectAsync(FdmConnectionFactory connections)
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using ConnectionContext opened = await connections.ConnectAsync(listener.LocalEndpoint);
        Assert.Equal(listener.LocalEndpoint, opened.RemoteEndPoint);
    }
}
