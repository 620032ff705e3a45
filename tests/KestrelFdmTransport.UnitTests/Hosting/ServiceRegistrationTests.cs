using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary><c>AddFdmTransport</c>, with a server in the container and without.</summary>
public sealed class ServiceRegistrationTests
{
    [Fact]
    public async Task A_bare_container_has_all_services_and_one_transport_behind_them()
    {
        await using ServiceProvider services =
            new ServiceCollection().AddFdmTransport(options => options.LoopCount = 1).BuildServiceProvider(true);
        var factory = services.GetRequiredService<FdmTransportFactory>();
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        await using ConnectionContext opened =
            await services.GetRequiredService<FdmConnectionFactory>().ConnectAsync(listener.EndPoint);
        await using ConnectionContext? accepted = await listener.AcceptAsync().Within("a connection");

        Assert.Same(factory, services.GetRequiredService<IFdmTransport>());
        Assert.Same(factory, services.GetServices<IConnectionListenerFactory>().Last());
        Assert.Equal(2, Assert.Single(services.GetRequiredService<IFdmTransport>().GetLoopStatistics()).Connections);
    }

    [Fact]
    public async Task A_server_is_put_on_the_transport_by_its_services_alone()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder => builder.Services.AddFdmTransport(options => options.LoopCount = 1),
            application => application.MapGet(
                "/", (IFdmTransport transport) => transport.GetLoopStatistics().Sum(static loop => loop.Accepts)),
            usesFdm: false);

        Assert.Equal("200 1", await server.GetAsync("/"));
    }

    [Fact]
    public void A_second_call_registers_nothing_twice()
    {
        IServiceCollection services =
            new ServiceCollection().AddFdmTransport().AddFdmTransport(options => options.LoopCount = 3);

        Assert.Single(Of<FdmTransportFactory>(services));
        Assert.Single(Of<IFdmTransport>(services));
        Assert.Single(Of<FdmConnectionFactory>(services));
        Assert.Single(Of<IHostedService>(services));
        Assert.Single(Of<IValidateOptions<FdmTransportOptions>>(services));
        Assert.Equal(2, Of<IConnectionListenerFactory>(services).Count());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_test_may_replace_what_the_application_asks(bool isFirst)
    {
        var services = new ServiceCollection();
        var fake = new FakeTransport();
        if (isFirst)
        {
            services.AddSingleton<IFdmTransport>(fake).AddFdmTransport();
        }
        else
        {
            services.AddFdmTransport().AddSingleton<IFdmTransport>(fake);
        }

        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Same(fake, provider.GetRequiredService<IFdmTransport>());
        Assert.IsType<FdmTransportFactory>(provider.GetServices<IConnectionListenerFactory>().Last());
    }

    [Fact]
    public async Task A_transport_of_the_application_s_own_is_the_one_that_is_asked()
    {
        await using var own = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions()), NullLoggerFactory.Instance);
        await using ServiceProvider services =
            new ServiceCollection().AddSingleton(own).AddFdmTransport().BuildServiceProvider();

        Assert.Same(own, services.GetRequiredService<IFdmTransport>());
    }

    [Fact]
    public void The_services_are_returned_and_nothing_is_refused()
    {
        var services = new ServiceCollection();

        Assert.Same(services, services.AddFdmTransport());
        Assert.Same(services, services.AddFdmTransport(_ => { }));
        Assert.Throws<ArgumentNullException>("configureOptions", () => services.AddFdmTransport(null!));
        Assert.Throws<ArgumentNullException>(
            "services", () => FdmTransportServiceCollectionExtensions.AddFdmTransport(null!));
        Assert.Throws<ArgumentNullException>(
            "services", () => FdmTransportServiceCollectionExtensions.AddFdmTransport(null!, _ => { }));
    }

    [Fact]
    public async Task A_started_host_says_once_what_the_transport_serves()
    {
        using var log = new LineLog();
        await using SmallServer server = await SmallServer.StartAsync(builder =>
        {
            builder.Services.AddSingleton<ILoggerFactory>(log);
            builder.WebHost.UseSetting("urls", "http://127.0.0.1:0;http://127.0.0.2:0");
        });

        string[] endPoints = [.. server.Application.Urls.Select(url => new Uri(url).Authority)];
        Assert.Equal(
            $"Information 54 The FDM transport serves {string.Join(", ", endPoints)}: 1 event loop(s), "
                + "Adaptive scheduling.",
            Assert.Single(log.Lines, line => line.Contains(" 54 ", StringComparison.Ordinal)));
    }

    /// <summary>The levels of <c>dotnet new web</c>.</summary>
    [Fact]
    public async Task The_templates_of_applications_show_that_line()
    {
        using var seen = new LineLog();
        await using SmallServer server = await SmallServer.StartAsync(builder =>
        {
            builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
            builder.Logging.AddProvider(new Provider(seen));
        });

        Assert.Single(seen.Lines, line => line.Contains("The FDM transport serves", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_Sockets_serves_the_host_warns_and_does_not_say_that_the_transport_does()
    {
        using var log = new LineLog();
        await using SmallServer server = await SmallServer.StartAsync(builder =>
        {
            builder.Services.AddSingleton<ILoggerFactory>(log);
            builder.Services.AddSingleton(
                new FdmTransportFactory(Options.Create(new FdmTransportOptions()), log)
                {
                    Probe = static () => "it is forbidden."
                });
        });

        string[] about = Array.FindAll(log.Lines, line => line.Contains("transport", StringComparison.Ordinal));
        Assert.Equal(
            "Warning 34 127.0.0.1:0 is served by the Sockets transport: it is forbidden.", Assert.Single(about));
        IFdmTransport transport = server.Application.Services.GetRequiredService<IFdmTransport>();
        Assert.Equal((false, "it is forbidden."), (transport.IsActive, transport.InactiveReason));
        Assert.Empty(transport.GetEndpointStatistics());
    }

    private static IEnumerable<ServiceDescriptor> Of<T>(IServiceCollection services)
        => services.Where(service => service.ServiceType == typeof(T));

    private sealed class FakeTransport : IFdmTransport
    {
        public bool IsActive => true;

        public string? InactiveReason => null;

        public IReadOnlyList<EventLoopStatistics> GetLoopStatistics() => [new() { Name = "fdm-loop-0" }];

        public IReadOnlyList<EndpointStatistics> GetEndpointStatistics() => [];

        public IReadOnlyList<ConnectionStatistics> GetBusiestConnections(int max) => [];

        public Task DrainAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public ThreadStatistics GetThreadStatistics() => new();
    }

    private sealed class Provider(LineLog log) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }
}
