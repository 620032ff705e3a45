using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Security;
using System.Threading.Tasks;
using KestrelFdmTransport.Stress.Handoffs;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>
/// Requests by HttpClient: HTTP/1.1 and HTTP/2, in clear and by TLS, uploads and downloads, one by one or several at
/// once.
/// </summary>
internal sealed class HttpScenario(SoakServer server, SoakCounters figures, Random random)
    : ClientScenario(server, figures, random)
{
    private const int MaxRequests = 40;
    private const int MaxAtOnce = 6;

    private static readonly string[] s_work =
        [
            SoakRoutes.Plain, SoakRoutes.Plain, SoakRoutes.Plain, SoakRoutes.Blocking, SoakRoutes.Computing,
            SoakRoutes.Later
        ];

    internal override async Task RunAsync()
    {
        (IPEndPoint endPoint, string scheme, Version version) = Random.Next(6) switch
        {
            0 => (Server.Tls, "https", HttpVersion.Version11),
            1 => (Server.Tls, "https", HttpVersion.Version20),
            2 => (Server.ClearHttp2, "http", HttpVersion.Version20),
            3 => (Server.Moving, "http", HttpVersion.Version11),
            _ => (Server.Clear, "http", HttpVersion.Version11),
        };
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) => Server.IsOwn(certificate)
            },
        };
        using var client = new HttpClient(handler)
        {
            BaseAddress = new Uri($"{scheme}://{endPoint}"),
            DefaultRequestVersion = version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        try
        {
            int total = 1 + Random.Next(MaxRequests);
            for (int i = 0; i < total; i++)
            {
                int atOnce = Random.Next(4) == 0 ? 1 + Random.Next(MaxAtOnce) : 1;
                await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => RequestAsync(client)).ToArray());
            }
        }
        catch (HttpRequestException) when (Server.IsMoving(endPoint))
        {
            // The endpoint has moved on. What had been answered was right.
            Figures.CountCut();
        }
    }

    private Task RequestAsync(HttpClient client)
    {
        int tag = NextTag();
        int length = NextLength();
        return Random.Next(30) switch
        {
            0 => ExpectAbortAsync(client, tag),
            < 8 => RequestAsync(client, HttpMethod.Post, SoakRoutes.Upload, tag, length),
            _ => RequestAsync(client, HttpMethod.Get, s_work[Random.Next(s_work.Length)], tag, length),
        };
    }

    private async Task RequestAsync(HttpClient client, HttpMethod method, string what, int tag, int length)
    {
        using var request = new HttpRequestMessage(method, Path(what, tag, length))
        {
            Version = client.DefaultRequestVersion,
            VersionPolicy = client.DefaultVersionPolicy,
        };
        if (method == HttpMethod.Post)
        {
            byte[] body = new byte[length];
            TaggedStream.Fill(body, tag, 0);
            request.Content = new ByteArrayContent(body);
        }

        using HttpResponseMessage response = await client.SendAsync(request);
        byte[] content = await response.Content.ReadAsByteArrayAsync();
        if (response.StatusCode != HttpStatusCode.OK
            || content.Length != length
            || !string.Equals(
                response.Headers.GetValues(SoakRoutes.TagHeader).Single(), $"{tag}", StringComparison.Ordinal)
            || !TaggedStream.IsAt(content, tag, 0))
        {
            Figures.Report(
                $"Request {tag} ({what}, {length} bytes) got a wrong response: {(int)response.StatusCode}, "
                    + $"{content.Length} bytes.");
        }

        Figures.CountRequest(method == HttpMethod.Post ? 2L * length : length);
    }

    /// <summary>The server breaks off in the middle of the response.</summary>
    private async Task ExpectAbortAsync(HttpClient client, int tag)
    {
        const int Length = 1_000_000;
        try
        {
            byte[] content = await client.GetByteArrayAsync(
                new Uri(Path(SoakRoutes.Aborted, tag, Length), UriKind.Relative));
            Figures.Report($"Request {tag} was to be aborted and got {content.Length} bytes.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            Figures.CountAbort();
        }
    }
}
