using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols.Http2;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Upgrades;

/// <summary>CONNECT, which opens a tunnel over a connection of HTTP/1.1 or a stream of HTTP/2.</summary>
public sealed class ConnectTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_CONNECT_of_HTTP_1_reaches_the_application(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, context =>
        {
            string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            return context.Response.WriteAsync($"{context.Request.Method} {target}");
        });
        using RawClient client = await server.ConnectAsync();

        for (int i = 0; i < 3; i++)
        {
            await client.SendAsync("CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n");
            Assert.Equal(200, (await client.ReadHeadAsync()).Status);
            Assert.Equal("CONNECT test:80"u8.ToArray(), await client.ReadChunkAsync());
            Assert.Empty(await client.ReadChunkAsync());
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_CONNECT_of_HTTP_1_with_an_upgrade_opens_a_tunnel(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, async context =>
        {
            await using Stream stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
            byte[] buffer = new byte[1024];
            int count;
            while ((count = await stream.ReadAsync(buffer)) != 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, count));
            }
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(
            "CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\nConnection: Upgrade\r\nUpgrade: tunnel\r\n\r\n");
        Assert.Equal(101, (await client.ReadReplyAsync()).Status);
        await client.SendAsync("through the tunnel");
        Assert.Equal("through the tunnel", await client.ReadTextAsync(18));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_extended_CONNECT_of_HTTP_2_opens_a_tunnel(TransportKind transport)
    {
        const int Messages = 100;
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                IHttpExtendedConnectFeature connect =
                    context.Features.GetRequiredFeature<IHttpExtendedConnectFeature>();
                Assert.True(connect.IsExtendedConnect);
                Assert.Equal("echo", connect.Protocol);
                await using Stream stream = await connect.AcceptAsync();
                byte[] buffer = new byte[1024];
                int count;
                while ((count = await stream.ReadAsync(buffer)) != 0)
                {
                    await stream.WriteAsync(buffer.AsMemory(0, count));
                    await stream.FlushAsync();
                }
            },
            new TestServerSetup { Listen = options => options.Protocols = HttpProtocols.Http2 });
        using var client = new HttpClient();
        using var content = new DuplexContent();
        using var request = new HttpRequestMessage(HttpMethod.Connect, server.HttpUrl)
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Protocol = "echo";
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead)
            .Within();
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await using Stream tunnel = await response.Content.ReadAsStreamAsync().Within();

        byte[] echo = new byte[512];
        byte[] message = BytePattern.Default.Create(echo.Length);
        for (int i = 0; i < Messages; i++)
        {
            await tunnel.WriteAsync(message).Within();
            await tunnel.FlushAsync().Within();
            await tunnel.ReadExactlyAsync(echo).Within();
            Assert.Equal(message, echo);
        }
    }
}
