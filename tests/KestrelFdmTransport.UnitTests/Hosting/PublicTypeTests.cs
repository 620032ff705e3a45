using System;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// Public types where applications put types: parameters of route handlers, hosted services, options.
/// </summary>
public sealed class PublicTypeTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/transport")]
    [InlineData("/transport/allowed-to-be-missing")]
    [InlineData("/transport/from-services")]
    [InlineData("/transport/as-interface")]
    [InlineData("/transport/as-parameters")]
    [InlineData("/transport/with-others?number=1")]
    [InlineData("/connections")]
    [InlineData("/options")]
    [InlineData("/group/transport")]
    public async Task A_handler_gets_a_service_as_its_parameter(string path)
    {
        await using SmallServer server = await SmallServer.StartAsync(map: Map);

        Assert.Equal("200 \"served\"", await server.GetAsync(path));
    }

    /// <summary>The first route that cannot be made fails them all.</summary>
    [Fact]
    public async Task A_public_type_as_a_parameter_breaks_no_route()
    {
        Type[] types = [.. typeof(FdmTransportOptions).Assembly.GetExportedTypes().Where(
            type => !type.IsAbstract || type.IsInterface)];
        MethodInfo map =
            typeof(PublicTypeTests).GetMethod(nameof(MapParameter), BindingFlags.NonPublic | BindingFlags.Static)!;
        Assert.Contains(typeof(FdmTransportFactory), types);

        await using SmallServer server = await SmallServer.StartAsync(map: application =>
        {
            application.MapGet("/", () => "served");
            foreach (Type type in types)
            {
                map.MakeGenericMethod(type).Invoke(null, [application]);
            }
        });

        Assert.Equal("200 served", await server.GetAsync("/"));
    }

    [Fact]
    public async Task A_handler_that_allows_it_gets_no_transport_where_none_is_registered()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            map: application
                => application.MapGet("/", (FdmTransportFactory? transport) => transport is null ? "none" : "one"),
                usesFdm: false);

        Assert.Equal("200 none", await server.GetAsync("/"));
    }

    [Fact]
    public async Task A_hosted_service_gets_the_factories()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton<Visitor>();
                builder.Services.AddHostedService(services => services.GetRequiredService<Visitor>());
            },
            application => application.MapGet("/", () => "served"));

        Assert.Equal("200 served", await server.GetAsync("/"));
        Visitor visitor = server.Application.Services.GetRequiredService<Visitor>();
        Assert.Same(server.Application.Services.GetRequiredService<FdmTransportFactory>(), visitor.Transport);
        Assert.Same(server.Application.Services.GetRequiredService<FdmConnectionFactory>(), visitor.Connections);
        Assert.Single(visitor.Transport.GetLoopStatistics());
    }

    [Fact]
    public async Task Options_can_be_made_from_the_factories()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder =>
            {
                builder.Services.AddOptions<Holder>().Configure<FdmTransportFactory, FdmConnectionFactory>(
                    (holder, transport, connections)
                        => (holder.Transport, holder.Connections) = (transport, connections));
                builder.Services.AddOptions<KestrelServerOptions>().Configure<FdmTransportFactory>(
                    (kestrel, _) => kestrel.AddServerHeader = false);
            },
            application => application.MapGet("/", () => "served"));

        Assert.Equal("200 served", await server.GetAsync("/"));
        Holder holder = server.Application.Services.GetRequiredService<IOptions<Holder>>().Value;
        Assert.Same(server.Application.Services.GetRequiredService<FdmTransportFactory>(), holder.Transport);
        Assert.Same(server.Application.Services.GetRequiredService<FdmConnectionFactory>(), holder.Connections);
    }

    [Fact]
    public async Task The_options_are_the_same_by_every_accessor()
    {
        await using SmallServer server = await SmallServer.StartAsync(
            builder => builder.Services.Configure<FdmTransportOptions>(options => options.Backlog = 77));
        using IServiceScope scope = server.Application.Services.CreateScope();

        Assert.Equal(77, scope.ServiceProvider.GetRequiredService<IOptions<FdmTransportOptions>>().Value.Backlog);
        Assert.Equal(
            77,
            scope.ServiceProvider.GetRequiredService<IOptionsMonitor<FdmTransportOptions>>().CurrentValue.Backlog);
        Assert.Equal(
            77,
            scope.ServiceProvider.GetRequiredService<IOptionsSnapshot<FdmTransportOptions>>().Value.Backlog);
    }

    private static void Map(WebApplication application)
    {
        application.MapGet("/", () => Json("served"));
        application.MapGet("/transport", (FdmTransportFactory transport) => Json(Served(transport)));
        application.MapGet(
            "/transport/allowed-to-be-missing",
            (FdmTransportFactory? transport) => Json(Served(transport)));
        application.MapGet(
            "/transport/from-services",
            ([FromServices] FdmTransportFactory transport) => Json(Served(transport)));
        application.MapGet(
            "/transport/as-interface",
            (IFdmTransport transport) => Json(transport.GetLoopStatistics().Count == 1 ? "served" : ""));
        application.MapGet(
            "/transport/as-parameters",
            ([AsParameters] Parameters parameters) => Json(Served(parameters.Transport)));
        application.MapGet(
            "/transport/with-others",
            (int number, FdmTransportFactory transport, HttpContext context, CancellationToken token) => Json(
                Served(transport)));
        application.MapGet(
            "/connections",
            (FdmConnectionFactory connections) => Json(connections is null ? "" : "served"));
        application.MapGet(
            "/options",
            (IOptions<FdmTransportOptions> options) => Json(options.Value.LoopCount == 1 ? "served" : ""));
        application.MapGroup("/group").MapGet("/transport", (FdmTransportFactory transport) => Json(Served(transport)));
    }

    private static string Served(FdmTransportFactory? transport)
        => transport?.GetLoopStatistics().Count == 1 ? "served" : "";

    private static IResult Json(string value) => Results.Text($"\"{value}\"");

    /// <summary>POST, because a type that is no service is a body.</summary>
    private static void MapParameter<T>(IEndpointRouteBuilder routes)
        => routes.MapPost($"/{typeof(T).Name}", (T? value) => value is null ? "none" : "one");

    private readonly record struct Parameters(FdmTransportFactory Transport);

    private sealed class Holder
    {
        public FdmTransportFactory? Transport { get; set; }

        public FdmConnectionFactory? Connections { get; set; }
    }

    private sealed class Visitor(FdmTransportFactory transport, FdmConnectionFactory connections) : IHostedService
    {
        public FdmTransportFactory Transport => transport;

        public FdmConnectionFactory Connections => connections;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
