using System;
using System.Collections.Concurrent;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>HTTP/2 with prior knowledge.</summary>
public sealed class Http2Tests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Length = 10 * 1024 * 1024;

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_hundred_requests_are_served_at_once_on_one_connection(TransportKind transport)
    {
        const int Requests = 100;
        var all = new Signal();
        var connections = new ConcurrentDictionary<string, byte>(StringComparer.Ordinal);
        int present = 0;
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            connections.TryAdd(context.Connection.Id, 0);
            if (Interlocked.Increment(ref present) == Requests)
            {
                all.Set();
            }

            await all.Task;
            await context.Response.WriteAsync(context.Request.Path.Value!);
        });
        using HttpClient client = CreateClient(server);

        string[] replies = await Task
            .WhenAll(
                Enumerable.Range(0, Requests).Select(i => client.GetStringAsync(new Uri($"/{i}", UriKind.Relative))))
            .Within();
        for (int i = 0; i < Requests; i++)
        {
            Assert.Equal($"/{i}", replies[i]);
        }

        Assert.Single(connections);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Ten_megabytes_are_uploaded_unharmed(TransportKind transport)
    {
        TestServer server = await StartHttp2Async(transport, Handlers.HashBody);
        using HttpClient client = CreateClient(server);

        using var content = new PatternContent(Length);
        using HttpResponseMessage response = await client.PostAsync(new Uri("/", UriKind.Relative), content).Within();
        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Equal(BytePattern.Default.Hash(Length), await response.Content.ReadAsStringAsync());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Ten_megabytes_are_downloaded_unharmed(TransportKind transport)
    {
        TestServer server = await StartHttp2Async(transport, context => Handlers.SendPattern(context, Length));
        using HttpClient client = CreateClient(server);

        byte[] body = await client.GetByteArrayAsync(new Uri("/", UriKind.Relative)).Within();
        Assert.Equal(Length, body.Length);
        Assert.True(body.AsSpan().SequenceEqual(BytePattern.Default.Create(Length)));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Parallel_echoes_on_one_connection_do_not_mix(TransportKind transport)
    {
        const int Size = 512 * 1024;
        // HttpClient does not read before it has sent a ByteArrayContent, so the server must not answer before it has
        // read.
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await context.Response.Body.WriteAsync(body.ToArray());
        });
        using HttpClient client = CreateClient(server);

        await Parallel.ForAsync(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            byte[] body = BytePattern.Default.Create(Size)[(i * 8)..];
            using var content = new ByteArrayContent(body);
            using HttpResponseMessage response = await client.PostAsync(new Uri("/", UriKind.Relative), content)
                .Within();
            byte[] echo = await response.Content.ReadAsByteArrayAsync().Within();
            Assert.True(body.AsSpan().SequenceEqual(echo));
        });
    }

    private static HttpClient CreateClient(TestServer server) => new()
    {
        BaseAddress = server.HttpUrl,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private Task<TestServer> StartHttp2Async(TransportKind transport, RequestDelegate handler) => StartAsync(
        transport,
        handler,
        new TestServerSetup { Listen = options => options.Protocols = HttpProtocols.Http2 });
}
