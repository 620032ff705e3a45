using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.SignalR;

/// <summary>The SignalR client that browsers use, on everything that can carry it.</summary>
[Trait("Category", "Slow")]
public sealed class SignalRTests(ITestOutputHelper output) : TransportTest(output)
{
    private readonly ConcurrentDictionary<HttpContext, byte> _carriers = new();

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public Task A_client_works_over_WebSockets(TransportKind transport) => RunAsync(transport, "WebSockets", "json");

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public Task A_client_works_over_WebSockets_with_binary_messages(TransportKind transport)
        => RunAsync(transport, "WebSockets", "messagepack");

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public Task A_client_works_over_server_sent_events(TransportKind transport)
        => RunAsync(transport, "ServerSentEvents", "json");

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public Task A_client_works_over_long_polling_with_binary_messages(TransportKind transport)
        => RunAsync(transport, "LongPolling", "messagepack");

    private static string Json(object value) => JsonSerializer.Serialize(value);

    private async Task RunAsync(TransportKind transport, string carrier, string protocol)
    {
        ApplicationServer server = await ApplicationServer.StartAsync(transport, new ApplicationServerSetup
        {
            Build = builder => builder.Services.AddSignalR().AddMessagePackProtocol(),
            Map = application =>
            {
                application.Use(KeepCarriersAsync);
                application.MapHub<ConformanceHub>("/hub");
            },
            ExpectedErrors = ["FailedInvokingHubMethod"],
        });
        CheckAfterwards(server, server.Logs);
        using NodeClient client =
            NodeClient.Start("signalr-client.mjs", $"http://{server.EndPoint}/hub", carrier, protocol);

        Assert.Equal(
            Json(new { echoes = Enumerable.Range(0, 10).Select(i => $"message {i}") }),
            await client.ReadAsync());
        Assert.Equal(
            Json(new { many = Enumerable.Range(0, 50).Select(i => $"parallel {i}") }),
            await client.ReadAsync());
        Assert.Equal(Json(new { large = true }), await client.ReadAsync());
        Assert.Equal(Json(new { counted = Enumerable.Range(0, 200) }), await client.ReadAsync());
        Assert.Equal(Json(new { sum = 50 * 51 / 2 }), await client.ReadAsync());
        Assert.Equal(Json(new { doubled = Enumerable.Range(0, 30).Select(i => 2 * i) }), await client.ReadAsync());
        Assert.Equal(Json(new { heard = new[] { "to all" } }), await client.ReadAsync());
        Assert.Contains("as asked", await client.ReadAsync(), StringComparison.Ordinal);

        Assert.Equal(Json("waiting"), await client.ReadAsync());
        await Eventually.UntilAsync(() => !_carriers.IsEmpty);
        foreach (HttpContext context in _carriers.Keys)
        {
            context.Abort();
        }

        Assert.Equal(Json(new { reconnected = true, echo = "again" }), await client.ReadAsync());
        Assert.Equal(Json("stopped"), await client.ReadAsync());
        await client.AssertSuccessAsync();
    }

    /// <summary>
    /// Keeps the requests that carry messages to the client: the WebSocket, the event stream, the poll.
    /// </summary>
    private async Task KeepCarriersAsync(HttpContext context, RequestDelegate next)
    {
        bool carries = HttpMethods.IsGet(context.Request.Method);
        if (carries)
        {
            _carriers.TryAdd(context, 0);
        }

        try
        {
            await next(context);
        }
        finally
        {
            _carriers.TryRemove(context, out _);
        }
    }
}
