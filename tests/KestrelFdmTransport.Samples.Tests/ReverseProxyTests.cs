using System;
using System.Globalization;
using System.Net;
using System.Net.Http;
using System.Net.WebSockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Samples.Tests;

public sealed class ReverseProxyTests : IAsyncLifetime
{
    private SampleProcess? _proxy;

    private Uri Http1 => _proxy!.Addresses[0];

    private Uri Http2 => _proxy!.Addresses[1];

    public async Task InitializeAsync()
        => _proxy = await SampleProcess.ServeAsync(
            "ReverseProxy",
            "--Kestrel:Endpoints:Http1:Url=http://127.0.0.1:0",
            "--Kestrel:Endpoints:Http2:Url=http://127.0.0.1:0");

    public Task DisposeAsync() => _proxy!.DisposeAsync().AsTask();

    [Fact]
    public async Task It_forwards_HTTP_and_WebSockets_with_both_legs_on_the_loops()
    {
        using var http = new HttpClient();
        Assert.Equal("GET /any/path over HTTP/2\n", await GetAsync(http, Http1, HttpVersion.Version11, "/any/path"));
        Assert.Equal("GET /any/path over HTTP/2\n", await GetAsync(http, Http2, HttpVersion.Version20, "/any/path"));

        // Two of clients, and one to the backend's HTTP/2.
        string connections = await GetAsync(http, Http1, HttpVersion.Version11, "/loops");
        Assert.InRange(int.Parse(connections, CultureInfo.InvariantCulture), 3, int.MaxValue);

        Assert.Equal("a message", await EchoAsync("a message"));
    }

    private static async Task<string> GetAsync(HttpClient http, Uri server, Version version, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server, path))
        {
            Version = version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using HttpResponseMessage response = await http.SendAsync(request).Within(path);
        Assert.Equal(version, response.Version);
        return await response.Content.ReadAsStringAsync();
    }

    private async Task<string> EchoAsync(string message)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(
            new UriBuilder(Http1) { Scheme = "ws", Path = "/ws" }.Uri, CancellationToken.None).Within("a handshake");
        await socket.SendAsync(
            Encoding.UTF8.GetBytes(message), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        byte[] buffer = new byte[100];
        WebSocketReceiveResult received = await socket.ReceiveAsync(buffer, CancellationToken.None).Within("an echo");
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).Within("the close");
        return Encoding.UTF8.GetString(buffer, 0, received.Count);
    }
}
