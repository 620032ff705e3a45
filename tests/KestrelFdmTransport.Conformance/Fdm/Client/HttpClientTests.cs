using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>The connection factory under <see cref="HttpClient"/>.</summary>
public sealed class HttpClientTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Requests_and_large_bodies_go_over_opened_connections(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, Handlers.EchoBody);
        await using var client = new FdmClient(transport);
        using HttpClient http = CreateHttp(client.Factory);

        async Task PostAsync(int number)
        {
            byte[] body = BytePattern.Default.Create(8 * (1 + (number * 10_007)));
            using var content = new ByteArrayContent(body);
            using HttpResponseMessage response = await http.PostAsync(server.HttpUrl, content).Within();
            Assert.Equal(body, await response.Content.ReadAsByteArrayAsync().Within());
        }

        await Task.WhenAll(Enumerable.Range(0, 20).Select(PostAsync));
        for (int i = 0; i < 20; i++)
        {
            await PostAsync(i % 3);
        }
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task TLS_and_HTTP_2_go_over_opened_connections(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            Handlers.HashBody,
            new TestServerSetup { Listen = listen => listen.UseHttps(SelfSignedCertificate.Create()) });
        await using var client = new FdmClient(transport);
        using HttpClient http = CreateHttp(client.Factory);
        http.DefaultRequestVersion = HttpVersion.Version20;
        http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;

        byte[] body = BytePattern.Default.Create(800_000);
        using var content = new ByteArrayContent(body);
        using HttpResponseMessage response = await http.PostAsync(new Uri($"https://{server.EndPoint}"), content)
            .Within();
        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Equal(BytePattern.Default.Hash(body.Length), await response.Content.ReadAsStringAsync().Within());
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_request_can_be_cancelled_while_the_server_thinks(TransportKind transport)
    {
        var entered = new Signal();
        var left = new Signal();
        TestServer server = await StartAsync(transport, async context =>
        {
            entered.Set();
            await Task.Delay(System.Threading.Timeout.Infinite, context.RequestAborted)
                .ContinueWith(_ => left.Set(), TaskScheduler.Default);
        });
        await using var client = new FdmClient(transport);
        using HttpClient http = CreateHttp(client.Factory);
        using var cancellation = new System.Threading.CancellationTokenSource();

        Task<HttpResponseMessage> request = http.GetAsync(server.HttpUrl, cancellation.Token);
        await entered.Task.Within();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request.Within());
        await left.Task.Within();
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task A_proxy_forwards_over_the_servers_own_loops(TransportKind transport)
    {
        TestServer origin = await StartAsync(transport, Handlers.EchoBody);
        HttpClient? http = null;
        TestServer proxy = await StartAsync(transport, async context =>
        {
            using var content = new StreamContent(context.Request.Body);
            using HttpResponseMessage response = await http!.PostAsync(origin.HttpUrl, content);
            await response.Content.CopyToAsync(context.Response.Body);
        });
        using (http = CreateHttp(proxy.Services.GetRequiredService<FdmConnectionFactory>()))
        using (var outside = new HttpClient())
        {
            async Task PostAsync(int number)
            {
                byte[] body = BytePattern.Default.Create(8 * (1 + (number * 5_003)));
                using var content = new ByteArrayContent(body);
                using HttpResponseMessage response = await outside.PostAsync(proxy.HttpUrl, content).Within();
                Assert.Equal(body, await response.Content.ReadAsByteArrayAsync().Within());
            }

            await Task.WhenAll(Enumerable.Range(0, 30).Select(PostAsync));
        }
    }

    private static HttpClient CreateHttp(FdmConnectionFactory factory)
    {
        SocketsHttpHandler handler = new SocketsHttpHandler().UseFdm(factory);
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        return new HttpClient(handler);
    }
}
