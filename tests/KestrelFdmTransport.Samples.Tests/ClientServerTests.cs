using System;
using System.IO;
using System.Net.WebSockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Samples.Tests;

/// <summary>Samples whose second role is a client of the first.</summary>
public sealed class ClientServerTests
{
    private static readonly string[] s_grpc = ["Hello, epoll.", "Counted to 1000.", "The sum is 5050."];

    [Fact]
    public async Task Grpc_calls_and_streams_go_over_TCP_and_over_a_Unix_socket()
    {
        string socket = Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
        await using SampleProcess server = await SampleProcess.ServeAsync(
            "GrpcSample",
            "--Kestrel:Endpoints:Tcp:Url=http://127.0.0.1:0",
            $"--Kestrel:Endpoints:Unix:Url=http://unix:{socket}");

        Assert.Equal(s_grpc, await SampleProcess.RunAsync("GrpcSample", "client", server.Addresses[0].ToString()));
        Assert.Equal(s_grpc, await SampleProcess.RunAsync("GrpcSample", "client", $"unix:{socket}"));
        File.Delete(socket);
    }

    [Fact]
    public async Task Chat_reaches_a_browser_and_a_client_that_speaks_MessagePack()
    {
        await using SampleProcess server = await SampleProcess.ServeAsync("Chat", "--urls", "http://127.0.0.1:0");
        Uri address = server.Addresses[0];
        using var browser = new ClientWebSocket();
        var chat = new UriBuilder(address) { Scheme = "ws", Path = "/chat" };
        await browser.ConnectAsync(chat.Uri, CancellationToken.None).Within("a handshake");
        await SendAsync(browser, """{"protocol":"json","version":1}""");
        Assert.Equal("{}", await ReceiveAsync(browser));

        string[] printed = await SampleProcess.RunAsync("Chat", "client", address.ToString(), "Ada", "Good morning");

        Assert.Equal("Ada: Good morning", Assert.Single(printed));
        string received = await ReceiveAsync(browser);
        while (!received.Contains("arguments", StringComparison.Ordinal))
        {
            // The server pings first, if this takes long.
            received = await ReceiveAsync(browser);
        }

        Assert.Contains("""["Ada","Good morning"]""", received, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TcpEcho_sends_back_what_comes()
    {
        await using SampleProcess server = await SampleProcess.ServeAsync("TcpEcho", "--Listen=127.0.0.1:0");

        string[] printed = await SampleProcess.RunAsync(
            "TcpEcho", "client", server.Addresses[0].Authority, "Good morning");

        Assert.Equal("Good morning", Assert.Single(printed));
    }

    [Fact]
    public async Task MqttBroker_delivers_what_is_published()
    {
        await using SampleProcess server =
            await SampleProcess.ServeAsync("MqttBroker", "--Mqtt=127.0.0.1:0", "--Http=127.0.0.1:0");

        string[] printed = await SampleProcess.RunAsync(
            "MqttBroker", "client", server.Addresses[0].Authority, "weather", "sunny");

        Assert.Equal("weather: sunny", Assert.Single(printed));
    }

    [Fact]
    public async Task A_sample_says_at_start_that_the_transport_serves_it()
    {
        await using SampleProcess server = await SampleProcess.ServeAsync("TcpEcho", "--Listen=127.0.0.1:0");

        Assert.Contains(
            server.Log,
            line => line.Contains(
                $"The FDM transport serves {server.Addresses[0].Authority}: ", StringComparison.Ordinal));
    }

    private static Task SendAsync(ClientWebSocket socket, string record)
        => socket.SendAsync(
            Encoding.UTF8.GetBytes($"{record}\u001e"),
            WebSocketMessageType.Text,
            endOfMessage: true,
            CancellationToken.None);

    private static async Task<string> ReceiveAsync(ClientWebSocket socket)
    {
        byte[] buffer = new byte[4096];
        WebSocketReceiveResult received = await socket.ReceiveAsync(buffer, CancellationToken.None).Within("a record");
        return Encoding.UTF8.GetString(buffer, 0, received.Count).TrimEnd('\u001e');
    }
}
