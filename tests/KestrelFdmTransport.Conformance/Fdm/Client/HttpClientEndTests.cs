using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>Requests that end before they are done, over opened connections and over the handler's own.</summary>
[Trait("Category", "Slow")]
public sealed class HttpClientEndTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Requests = 80;
    private const int AtOnce = 8;

    public enum Ending
    {
        Timeout,
        Token,
        Dispose,
    }

    public static TheoryData<HttpKind, Ending, bool> Uploads
    {
        get
        {
            var data = new TheoryData<HttpKind, Ending, bool>();
            foreach (HttpKind kind in Enum.GetValues<HttpKind>())
            {
                foreach (Ending ending in Enum.GetValues<Ending>())
                {
                    data.Add(kind, ending, false);
                    data.Add(kind, ending, true);
                }
            }

            return data;
        }
    }

    public static TheoryData<HttpKind, bool, int> Random
    {
        get
        {
            var data = new TheoryData<HttpKind, bool, int>();
            foreach (HttpKind kind in Enum.GetValues<HttpKind>())
            {
                data.Add(kind, false, 1);
                data.Add(kind, true, 1);
                data.Add(kind, true, 2);
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Uploads))]
    public async Task An_upload_that_the_server_does_not_read_can_be_ended(HttpKind kind, Ending ending, bool ours)
    {
        var entered = new Signal();
        var release = new Signal();
        TestServer server = await StartAsync(
            TransportKind.Sockets,
            async _ =>
            {
                // Whether it learns of the client's end while it reads nothing is the server's affair.
                entered.Set();
                await release.Task;
            },
            Setup(kind));
        await using var client = new FdmClient(TransportKind.Fdm);
        using HttpClient http = CreateHttp(kind, ours ? client.Factory : null);
        http.Timeout = ending == Ending.Timeout ? TimeSpan.FromSeconds(2) : Timeout.InfiniteTimeSpan;
        using var cancellation = new CancellationTokenSource();

        using var content = new ByteArrayContent(new byte[50_000_000]);
        Task<HttpResponseMessage> request = http.PostAsync(Url(server, kind), content, cancellation.Token);
        if (ending != Ending.Timeout)
        {
            await entered.Task.Within();
        }

        switch (ending)
        {
            case Ending.Token:
                await cancellation.CancelAsync();
                break;
            case Ending.Dispose:
                http.Dispose();
                break;
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request.Within());
        http.Dispose();
        await AssertNothingLeftAsync(client);
        release.Set();
    }

    [Theory, MemberData(nameof(Random))]
    public async Task Requests_that_end_at_random_moments_leave_nothing_behind(HttpKind kind, bool ours, int seed)
    {
        int inside = 0;
        TestServer server = await StartAsync(
            TransportKind.Sockets,
            async context =>
            {
                Interlocked.Increment(ref inside);
                try
                {
                    await ServeAsync(context);
                }
                finally
                {
                    Interlocked.Decrement(ref inside);
                }
            },
            Setup(kind, "RequestBodyDrainBodyReaderInvalidState"));
        await using var client = new FdmClient(TransportKind.Fdm);
        using HttpClient http = CreateHttp(kind, ours ? client.Factory : null);
        int completed = 0;
        int cancelled = 0;

        await Parallel.ForEachAsync(
            Enumerable.Range(0, Requests),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (number, _) =>
            {
                var random = new Random((seed * 1_000) + number);
                int up = random.Next(3) == 0 ? 0 : random.Next(1, 2_000_000);
                int down = random.Next(3) == 0 ? 0 : random.Next(1, 2_000_000);
                using var cancellation = new CancellationTokenSource();
                if (random.Next(4) != 0)
                {
                    cancellation.CancelAfter(random.Next(60));
                }

                try
                {
                    await RequestAsync(http, Url(server, kind), up, down, cancellation.Token).Within("a request");
                    Interlocked.Increment(ref completed);
                }
                catch (OperationCanceledException)
                {
                    Assert.True(cancellation.IsCancellationRequested);
                    Interlocked.Increment(ref cancelled);
                }
            });

        Assert.Equal(Requests, completed + cancelled);
        Assert.True(completed >= Requests / 10, $"{completed} completed");
        await RequestAsync(http, Url(server, kind), 100_000, 100_000, CancellationToken.None).Within(
            "a request after all that");
        http.Dispose();
        await AssertNothingLeftAsync(client);
        await Eventually.UntilAsync(() => Volatile.Read(ref inside) == 0);
    }

    private static async Task RequestAsync(
        HttpClient http, Uri url, int up, int down, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(url, $"?down={down}"))
        {
            Content = new ByteArrayContent(Bytes(up))
        };
        request.Version = http.DefaultRequestVersion;
        request.VersionPolicy = http.DefaultVersionPolicy;
        using HttpResponseMessage response =
            await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        byte[] body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        Assert.Equal($"{up}", response.Headers.GetValues("up").Single());
        Assert.Equal(Bytes(down), body);
    }

    private static byte[] Bytes(int count) => BytePattern.Default.Create((count / 8 * 8) + 8)[..count];

    private static async Task ServeAsync(HttpContext context)
    {
        var received = new MemoryStream();
        try
        {
            await context.Request.Body.CopyToAsync(received, context.RequestAborted);
            Assert.Equal(Bytes((int)received.Length), received.ToArray());
            context.Response.Headers["up"] = $"{received.Length}";
            await context.Response.Body.WriteAsync(
                Bytes(int.Parse(context.Request.Query["down"]!, System.Globalization.CultureInfo.InvariantCulture)),
                context.RequestAborted);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The client has gone.
        }
    }

    private static TestServerSetup Setup(HttpKind kind, string? expectedError = null) => new()
    {
        Listen = listen =>
        {
            if (kind != HttpKind.Plain)
            {
                listen.UseHttps(SelfSignedCertificate.Create());
            }
        },
        ExpectedError = expectedError,
    };

    private static Uri Url(TestServer server, HttpKind kind)
        => new($"{(kind == HttpKind.Plain ? "http" : "https")}://{server.EndPoint}");

    private static HttpClient CreateHttp(HttpKind kind, FdmConnectionFactory? factory)
    {
        var handler = new SocketsHttpHandler();
        if (factory is not null)
        {
            handler.UseFdm(factory);
        }

        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        return new HttpClient(handler)
        {
            DefaultRequestVersion = kind == HttpKind.Http2 ? HttpVersion.Version20 : HttpVersion.Version11,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    private static Task AssertNothingLeftAsync(FdmClient client)
        => Eventually.UntilAsync(() => client.Transport.GetLoopStatistics().Sum(loop => loop.Connections) == 0);
}
