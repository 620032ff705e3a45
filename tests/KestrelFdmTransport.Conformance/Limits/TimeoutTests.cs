using System;
using System.IO;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Requests;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Limits;

/// <summary>Clients that leave Kestrel waiting. Kestrel looks once a second, so these cases take that long.</summary>
[Trait("Category", "Slow")]
public sealed class TimeoutTests(ITestOutputHelper output) : OracleTest(output)
{
    private static readonly TestServerSetup s_keepAlive
        = new() { Kestrel = kestrel => kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(0.3) };

    private static readonly TestServerSetup s_requestHeaders
        = new() { Kestrel = kestrel => kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(0.3) };

    /// <summary>All at once: each of them takes its second, on either transport.</summary>
    [Theory, MemberData(nameof(OnFdm))]
    public Task Clients_that_send_nothing_more_are_ended_as_on_Sockets(TransportKind transport)
    {
        const string Whole = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
        return CompareAsync(transport, (kind, transcript) => Task.WhenAll(
            RunAsync(kind, transcript, "no request", s_keepAlive, ""),
            RunAsync(kind, transcript, "no second request", s_keepAlive, Whole),
            RunAsync(kind, transcript, "part of a request line", s_requestHeaders, "GET / HT"),
            RunAsync(kind, transcript, "part of the headers", s_requestHeaders, "GET / HTTP/1.1\r\nHost: test\r\n"),
            RunAsync(kind, transcript, "part of a second request", s_requestHeaders, $"{Whole}GET / HTTP/1.1\r\n")));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_handler_that_takes_longer_than_the_timeouts_is_left_alone(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                // Until another connection has met its timeout, which began later.
                await context.Request.Body.CopyToAsync(Stream.Null);
                await context.Response.WriteAsync("alone");
            },
            s_keepAlive);
        using RawClient busy = await server.ConnectAsync();
        await busy.SendAsync("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n");
        await server.Logs.FindAsync(entry => entry.Is("RequestBodyStart")).Within();

        using RawClient idle = await server.ConnectAsync();
        await idle.AssertFinAsync();
        await busy.SendAsync("body");
        Assert.Equal("alone", (await busy.ReadReplyAsync()).Text);
    }

    private async Task RunAsync(
        TransportKind transport, Transcript transcript, string name, TestServerSetup setup, string sent)
    {
        var story = new Transcript();
        TestServer server = await StartAsync(transport, context => context.Response.WriteAsync("hello"), setup);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(sent);
        while (!await client.IsAtEndAsync())
        {
            HttpReply reply = await client.ReadReplyAsync();
            story.Add("client", $"{reply.Status} {reply.Text}");
        }

        story.Add("client", "FIN");
        await server.UntilConnectionsStoppedAsync();
        await server.DisposeAsync();
        story.AddHostLog(server.Logs);
        transcript.Add(name, story.ToString());
    }
}
