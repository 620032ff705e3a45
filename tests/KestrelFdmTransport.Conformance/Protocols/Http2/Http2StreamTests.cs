using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Http2;

/// <summary>What gRPC needs of HTTP/2: trailers, streams in both directions at once, resets of one stream.</summary>
public sealed class Http2StreamTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int MessageSize = 1024;
    private const int ResetError = 7;

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Trailers_follow_a_response_body(TransportKind transport)
    {
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            context.Response.DeclareTrailer("grpc-status");
            await context.Response.WriteAsync("message");
            context.Response.AppendTrailer("grpc-status", "0");
            context.Response.AppendTrailer("grpc-message", "fine");
        });
        using HttpClient client = CreateClient(server);

        using HttpResponseMessage response = await client.GetAsync(new Uri("/", UriKind.Relative)).Within();
        Assert.Equal("message", await response.Content.ReadAsStringAsync().Within());
        Assert.Equal("0", Assert.Single(response.TrailingHeaders.GetValues("grpc-status")));
        Assert.Equal("fine", Assert.Single(response.TrailingHeaders.GetValues("grpc-message")));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_response_may_consist_of_headers_or_of_headers_and_trailers_alone(TransportKind transport)
    {
        TestServer server = await StartHttp2Async(transport, context =>
        {
            if (context.Request.Path == "/headers")
            {
                context.Response.Headers["grpc-status"] = "12";
            }
            else
            {
                context.Response.AppendTrailer("grpc-status", "12");
            }

            return Task.CompletedTask;
        });
        using HttpClient client = CreateClient(server);

        using HttpResponseMessage headers = await client.GetAsync(new Uri("/headers", UriKind.Relative)).Within();
        Assert.Equal("12", Assert.Single(headers.Headers.GetValues("grpc-status")));
        Assert.Empty(headers.TrailingHeaders);
        Assert.Empty(await headers.Content.ReadAsByteArrayAsync().Within());
        using HttpResponseMessage trailers = await client.GetAsync(new Uri("/trailers", UriKind.Relative)).Within();
        Assert.Empty(await trailers.Content.ReadAsByteArrayAsync().Within());
        Assert.Equal("12", Assert.Single(trailers.TrailingHeaders.GetValues("grpc-status")));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Messages_go_to_and_fro_on_one_stream(TransportKind transport)
    {
        const int Messages = 200;
        TestServer server = await StartHttp2Async(transport, EchoAsItComes);
        using HttpClient client = CreateClient(server);
        using var content = new DuplexContent();
        using HttpResponseMessage response = await PostAsync(client, content);
        Stream sending = await content.OpenAsync();
        await using Stream receiving = await response.Content.ReadAsStreamAsync().Within();

        byte[] received = new byte[MessageSize];
        for (int i = 0; i < Messages; i++)
        {
            byte[] message = Message(i);
            await sending.WriteAsync(message).Within();
            await sending.FlushAsync().Within();
            await receiving.ReadExactlyAsync(received).Within();
            Assert.Equal(message, received);
        }

        content.Complete();
        Assert.Equal(0, await receiving.ReadAsync(received).Within());
    }

    [Theory, MemberData(nameof(OnAll))]
    public async Task Both_sides_of_many_streams_send_without_waiting_for_each_other(TransportKind transport)
    {
        const int Streams = 8;
        const int Messages = 200;
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            Task<int> receiving = CountMessagesAsync(context.Request.Body);
            for (int i = 0; i < Messages; i++)
            {
                await context.Response.Body.WriteAsync(Message(i));
            }

            int received = await receiving;
            context.Response.AppendTrailer("received", $"{received}");
        });
        using HttpClient client = CreateClient(server);

        await Task.WhenAll(Enumerable.Range(0, Streams).Select(async _ =>
        {
            using var content = new DuplexContent();
            using HttpResponseMessage response = await PostAsync(client, content);
            Stream sending = await content.OpenAsync();
            await using Stream stream = await response.Content.ReadAsStreamAsync();
            Task<int> receiving = CountMessagesAsync(stream);
            for (int i = 0; i < Messages; i++)
            {
                await sending.WriteAsync(Message(i));
                await sending.FlushAsync();
            }

            content.Complete();
            Assert.Equal(Messages, await receiving);
            Assert.Equal($"{Messages}", Assert.Single(response.TrailingHeaders.GetValues("received")));
        })).Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_stream_that_the_server_resets_takes_no_other_with_it(TransportKind transport)
    {
        using var running = new SemaphoreSlim(0);
        var goOn = new Signal();
        var connections = new HashSet<string>(StringComparer.Ordinal);
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            lock (connections)
            {
                connections.Add(context.Connection.Id);
            }

            await context.Response.WriteAsync("begun");
            running.Release();
            if (context.Request.Path == "/reset")
            {
                context.Features.GetRequiredFeature<IHttpResetFeature>().Reset(ResetError);
                return;
            }

            if (context.Request.Path == "/abort")
            {
                context.Abort();
                return;
            }

            await goOn.Task;
            await context.Response.WriteAsync(" and ended");
        });
        using HttpClient client = CreateClient(server);

        Task<string>[] others =
            [.. Enumerable.Range(0, 5).Select(i => client.GetStringAsync(new Uri($"/{i}", UriKind.Relative)))];
        for (int i = 0; i < others.Length; i++)
        {
            Assert.True(await running.WaitAsync(Eventually.Limit));
        }

        foreach ((string path, int error) in new[] { ("/reset", ResetError), ("/abort", 2), ("/reset", ResetError) })
        {
            Exception? failure = await Record.ExceptionAsync(
                () => client.GetStringAsync(new Uri(path, UriKind.Relative)).Within());
            HttpProtocolException? reset = Causes(failure).OfType<HttpProtocolException>().FirstOrDefault();
            Assert.Equal(error, reset?.ErrorCode);
        }

        goOn.Set();
        Assert.All(await Task.WhenAll(others).Within(), reply => Assert.Equal("begun and ended", reply));
        Assert.Single(connections);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_request_that_the_client_cancels_is_aborted_and_no_other(TransportKind transport)
    {
        const int Rounds = 20;
        using var aborted = new SemaphoreSlim(0);
        TestServer server = await StartHttp2Async(transport, async context =>
        {
            await context.Response.WriteAsync("begun");
            if (context.Request.Path == "/cancelled")
            {
                var cancelled = new Signal();
                context.RequestAborted.Register(cancelled.Set);
                await cancelled.Task;
                aborted.Release();
            }
        });
        using HttpClient client = CreateClient(server);

        for (int i = 0; i < Rounds; i++)
        {
            using (HttpResponseMessage response = await client
                .GetAsync(new Uri("/cancelled", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead)
                .Within())
            {
                await using Stream stream = await response.Content.ReadAsStreamAsync();
                await stream.ReadExactlyAsync(new byte[5]).AsTask().Within();
            }

            Assert.True(await aborted.WaitAsync(Eventually.Limit));
            Assert.Equal("begun", await client.GetStringAsync(new Uri("/", UriKind.Relative)).Within());
        }
    }

    private static byte[] Message(int number) => BytePattern.Default.Create(MessageSize + (number * 8))[(number * 8)..];

    private static async Task<int> CountMessagesAsync(Stream stream)
    {
        byte[] message = new byte[MessageSize];
        int count = 0;
        while (await stream.ReadAtLeastAsync(message, MessageSize, throwOnEndOfStream: false) == MessageSize)
        {
            Assert.True(message.AsSpan().SequenceEqual(Message(count)));
            count++;
        }

        return count;
    }

    private static async Task EchoAsItComes(HttpContext context)
    {
        await context.Response.Body.FlushAsync();
        byte[] buffer = new byte[4 * MessageSize];
        int count;
        while ((count = await context.Request.Body.ReadAsync(buffer)) != 0)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, count));
            await context.Response.Body.FlushAsync();
        }
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, DuplexContent content)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/")
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead)
            .Within();
        // The response goes on after its request, which would take the content with it.
        request.Content = null;
        return response;
    }

    private static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            yield return exception;
        }
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
