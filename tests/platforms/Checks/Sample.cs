using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Checks;

/// <summary>A running sample, and what can be asked of it.</summary>
internal sealed class Sample : IDisposable
{
    private const int Much = 20_000_000;
    private const int Echoes = 50;
    private const int Clients = 16;
    private const int Connections = 60;
    private const int PatternLength = 251;

    private readonly Uri _address;
    private readonly string? _unixPath;
    private readonly HttpClient _client;

    public Sample(Uri address, string? unixPath)
    {
        _address = address;
        _unixPath = unixPath;
        _client = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
    }

    public IEnumerable<(string Name, Func<CancellationToken, Task> Check)> Checks()
    {
        yield return ("/", GreetAsync);
        yield return ("/json", JsonAsync);
        yield return ($"/upload of {Much} bytes", UploadAsync);
        yield return ($"/download of {Much} bytes", token => DownloadAsync(Much, token));
        yield return ("/download of none", token => DownloadAsync(0, token));
        yield return ("/download refuses", RefuseAsync);
        yield return ("/events", EventsAsync);
        yield return ($"/ws, {Echoes} echoes", EchoAsync);
        yield return ($"{Clients * Connections} connections, every seventh reset", ChurnAsync);
        if (_unixPath is not null)
        {
            yield return ("the Unix socket", UnixAsync);
        }

        yield return ("this transport serves, and no connection is left", LoopsAsync);
    }

    public void Dispose() => _client.Dispose();

    private async Task GreetAsync(CancellationToken token)
        => Expect(await _client.GetStringAsync("/", token), "Hello from KestrelFdmTransport.\n");

    private async Task JsonAsync(CancellationToken token)
        => Expect(await _client.GetStringAsync("/json", token), """{"message":"Hello, World!"}""");

    private async Task UploadAsync(CancellationToken token)
    {
        // Without a length, so in chunks.
        using var body = new StreamContent(new MemoryStream(Pattern(Much)));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/upload") { Content = body };
        request.Headers.TransferEncodingChunked = true;
        using HttpResponseMessage response = await _client.SendAsync(request, token);
        Expect(await response.Content.ReadAsStringAsync(token), $$"""{"bytes":{{Much}}}""");
    }

    private async Task DownloadAsync(int count, CancellationToken token)
    {
        byte[] bytes = await _client.GetByteArrayAsync($"/download/{count}", token);
        if (!bytes.AsSpan().SequenceEqual(Pattern(count)))
        {
            throw new InvalidDataException($"{bytes.Length} bytes came, and other ones than the pattern.");
        }
    }

    private async Task RefuseAsync(CancellationToken token)
    {
        using HttpResponseMessage response = await _client.GetAsync("/download/-1", token);
        Expect(response.StatusCode, HttpStatusCode.BadRequest);
    }

    private async Task EventsAsync(CancellationToken token)
        => Expect(
            await _client.GetStringAsync("/events?count=3", token),
            string.Concat(Enumerable.Range(1, 3).Select(static i => $"event: tick\ndata: {i}\n\n")));

    private async Task EchoAsync(CancellationToken token)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(_address) { Scheme = "ws", Path = "/ws" }.Uri, token);
        for (int i = 1; i <= Echoes; i++)
        {
            byte[] message = Pattern(i * 100);
            byte[] answer = new byte[message.Length];
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, token);
            for (int received = 0; received < answer.Length;)
            {
                received += (await socket.ReceiveAsync(answer.AsMemory(received), token)).Count;
            }

            if (!answer.AsSpan().SequenceEqual(message))
            {
                throw new InvalidDataException($"Echo {i} differs.");
            }
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, token);
    }

    private Task ChurnAsync(CancellationToken token)
        => Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            for (int i = 0; i < Connections; i++)
            {
                if (((client * Connections) + i) % 7 == 0)
                {
                    using var socket =
                        new Socket(SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
                    await socket.ConnectAsync(_address.Host, _address.Port, token);
                    await socket.SendAsync("GET / HTTP/1.1\r\nHost: sample\r\n\r\n"u8.ToArray(), token);
                }
                else
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, "/");
                    request.Headers.ConnectionClose = true;
                    using HttpResponseMessage response = await _client.SendAsync(request, token);
                    Expect(await response.Content.ReadAsStringAsync(token), "Hello from KestrelFdmTransport.\n");
                }
            }
        }));

    private async Task UnixAsync(CancellationToken token)
    {
        for (int i = 0; i < Connections; i++)
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_unixPath!), token);
            using var stream = new NetworkStream(socket);
            await stream.WriteAsync(
                "GET /json HTTP/1.1\r\nHost: sample\r\nConnection: close\r\n\r\n"u8.ToArray(),
                token);
            using var reader = new StreamReader(stream, Encoding.ASCII);
            string answer = await reader.ReadToEndAsync(token);
            if (!answer.StartsWith("HTTP/1.1 200 OK\r\n", StringComparison.Ordinal)
                || !answer.Contains("Hello, World!", StringComparison.Ordinal))
            {
                throw new InvalidDataException(answer);
            }
        }
    }

    private async Task LoopsAsync(CancellationToken token)
    {
        while (true)
        {
            JsonElement report = await _client.GetFromJsonAsync<JsonElement>("/loops", token);
            Expect(report.GetProperty("active").GetBoolean(), true);

            // Our own is one, and the pool of the client may keep two more.
            if (report.GetProperty("loops").EnumerateArray().Sum(
                static loop => loop.GetProperty("connections").GetInt32()) <= 3)
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), token);
        }
    }

    private static byte[] Pattern(int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
        {
            bytes[i] = (byte)(i % PatternLength);
        }

        return bytes;
    }

    private static void Expect<T>(T actual, T expected)
    {
        if (!EqualityComparer<T>.Default.Equals(actual, expected))
        {
            throw new InvalidDataException($"Expected {expected}, got {actual}.");
        }
    }
}
