using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>Which of several registered transports serves an endpoint.</summary>
public sealed class RegistrationTests(ITestOutputHelper output) : TransportTest(output)
{
    private const string Transport = "transport";
    private const string Kestrel = "Kestrel";
    private const string Sockets = "Sockets";

    public static TheoryData<TransportKind, string> Orders => Cases.Cross(OnBoth, [
        $"{Kestrel},{Transport}",
        $"{Transport},{Kestrel}",
        $"{Transport},{Kestrel},{Transport}",
        $"{Kestrel},{Transport},{Transport}",
        $"{Sockets},{Kestrel},{Transport}",
        $"{Kestrel},{Transport},{Sockets}",
        $"{Transport},{Sockets},{Kestrel}"]);

    [Theory, MemberData(nameof(Orders))]
    public async Task The_transport_serves_for_every_order_of_the_calls(TransportKind transport, string order)
    {
        await using WebApplication application = Build(builder =>
        {
            foreach (string call in order.Split(','))
            {
                switch (call)
                {
                    case Transport:
                        Transports.Use(builder.WebHost, transport, new TransportSettings());
                        break;
                    case Kestrel:
                        builder.WebHost.UseKestrelCore();
                        break;
                    default:
                        builder.WebHost.UseSockets();
                        break;
                }
            }
        });

        Assert.Equal(HasLoops(transport) ? "200 on loops" : "200", await ServeOneAsync(application));
        Assert.Distinct(Factories(application).Select(factory => factory.GetType()));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Sockets_stays_registered_as_the_one_to_fall_back_to(TransportKind transport)
    {
        await using WebApplication application = Build(builder =>
        {
            Transports.Use(builder.WebHost, transport, new TransportSettings());
            builder.WebHost.UseKestrelCore();
        });

        Assert.Equal("SocketTransportFactory", Factories(application)[0].GetType().Name);
        Assert.Equal(HasLoops(transport) ? 2 : 1, Factories(application).Count);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_factory_registered_later_that_declines_leaves_the_endpoint_to_the_transport(
        TransportKind transport)
    {
        var declining = new Selector(canBind: false);
        await using WebApplication application = Build(builder =>
        {
            builder.WebHost.UseKestrelCore();
            Transports.Use(builder.WebHost, transport, new TransportSettings());
            builder.Services.AddSingleton<IConnectionListenerFactory>(declining);
        });

        Assert.Equal(HasLoops(transport) ? "200 on loops" : "200", await ServeOneAsync(application));
        Assert.Equal(1, declining.Asked);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_factory_registered_earlier_is_not_asked_for_what_the_transport_binds(TransportKind transport)
    {
        var former = new Selector(canBind: true);
        await using WebApplication application = Build(builder =>
        {
            builder.Services.AddSingleton<IConnectionListenerFactory>(former);
            builder.WebHost.UseKestrelCore();

            // Sockets itself is not added when there is a transport already.
            builder.Services.AddSingleton<IConnectionListenerFactory, SocketTransportFactory>();
            Transports.Use(builder.WebHost, transport, new TransportSettings());
        });

        Assert.Equal(HasLoops(transport) ? "200 on loops" : "200", await ServeOneAsync(application));
        Assert.Equal(0, former.Asked);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_factory_registered_later_takes_what_it_can_bind(TransportKind transport)
    {
        var latter = new Selector(canBind: true);
        await using WebApplication application = Build(builder =>
        {
            builder.WebHost.UseKestrelCore();
            Transports.Use(builder.WebHost, transport, new TransportSettings());
            builder.Services.AddSingleton<IConnectionListenerFactory>(latter);
        });

        await Assert.ThrowsAsync<NotSupportedException>(() => application.StartAsync().Within("a failing start"));
        Assert.Equal(1, latter.Asked);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_endpoint_that_no_transport_binds_fails_the_start_and_says_so(TransportKind transport)
    {
        await using WebApplication application = Build(builder =>
        {
            builder.WebHost.UseKestrelCore();
            Transports.Use(builder.WebHost, transport, new TransportSettings());
            builder.Services.Configure<KestrelServerOptions>(
                options => options.Listen(new DnsEndPoint("localhost", 0)));
        });

        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => application.StartAsync().Within("a failing start"));
        Assert.Equal(
            "No registered IConnectionListenerFactory supports endpoint DnsEndPoint: Unspecified/localhost:0",
            failure.Message);
    }

    private static WebApplication Build(Action<WebApplicationBuilder> register)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.Configure<KestrelServerOptions>(options => options.Listen(TestServerSetup.FreeLoopbackPort));
        register(builder);
        WebApplication application = builder.Build();
        application.Run(context => context.Response.WriteAsync("served"));
        return application;
    }

    /// <summary>The status of one request, and whether this transport's loops have seen it.</summary>
    private static async Task<string> ServeOneAsync(WebApplication application)
    {
        await application.StartAsync().Within("the start");
        var address = new Uri(application.Urls.Single());
        using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port));
        HttpReply reply = await client.GetAsync("/");
        string loops = Transports.Loops(application.Services).Sum(loop => loop.Accepts) == 0 ? "" : " on loops";
        client.Dispose();
        await application.StopAsync().Within("the stop");
        return $"{reply.Status}{loops}";
    }

    private static List<IConnectionListenerFactory> Factories(WebApplication application)
        => [.. application.Services.GetServices<IConnectionListenerFactory>()];

    private static bool HasLoops(TransportKind transport) => transport != TransportKind.Sockets;

    private sealed class Selector(bool canBind) : IConnectionListenerFactory, IConnectionListenerFactorySelector
    {
        public int Asked { get; private set; }

        public bool CanBind(EndPoint endpoint)
        {
            Asked++;
            return canBind;
        }

        public ValueTask<IConnectionListener> BindAsync(
            EndPoint endpoint,
            CancellationToken cancellationToken = default)
            => throw new NotSupportedException();
    }
}
