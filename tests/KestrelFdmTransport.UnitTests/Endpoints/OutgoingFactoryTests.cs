using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>
/// The factory of outgoing connections: errors, extremes, its own end, and systems without the transport.
/// </summary>
public sealed class OutgoingFactoryTests : IDisposable
{
    private readonly EventCounter _events = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public OutgoingFactoryTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
    }

    /// <summary>Every duration at and beyond the ends of its range, one at a time.</summary>
    public static TheoryData<string, TimeSpan> Durations
    {
        get
        {
            var data = new TheoryData<string, TimeSpan>();
            foreach (System.Reflection.PropertyInfo property in typeof(FdmTransportOptions).GetProperties())
            {
                if (property.PropertyType == typeof(TimeSpan) && property.CanWrite)
                {
                    foreach (TimeSpan time in (TimeSpan[])[
                        TimeSpan.MinValue,
                        TimeSpan.FromTicks(-1),
                        Timeout.InfiniteTimeSpan,
                        TimeSpan.Zero,
                        TimeSpan.FromTicks(1),
                        TimeSpan.FromMinutes(1),
                        TimeSpan.FromDays(24),
                        TimeSpan.FromDays(25),
                        TimeSpan.FromDays(120),
                        TimeSpan.FromDays(36_500),
                        TimeSpan.MaxValue])
                    {
                        data.Add(property.Name, time);
                    }
                }
            }

            return data;
        }
    }

    public void Dispose() => _listener.Dispose();

    [Theory, MemberData(nameof(Durations))]
    public async Task A_duration_is_refused_with_a_message_or_served(string option, TimeSpan time)
    {
        var options = new FdmTransportOptions { LoopCount = 1 };
        typeof(FdmTransportOptions).GetProperty(option)!.SetValue(options, time);
        FdmConnectionFactory factory;
        try
        {
            factory = new FdmConnectionFactory(Options.Create(options), _events);
        }
        catch (OptionsValidationException refused)
        {
            Assert.Contains(option, refused.Message, StringComparison.Ordinal);
            return;
        }

        await using (factory)
        {
            // Attempts that wait are what a duration may hold up.
            using var full = new FullBacklog();
            using var cancellation = new CancellationTokenSource();
            Task<ConnectionContext> waiting = factory.ConnectAsync(full.EndPoint, cancellation.Token).AsTask();
            if (!string.Equals(option, nameof(FdmTransportOptions.ConnectTimeout), StringComparison.Ordinal)
                || time != TimeSpan.FromTicks(1))
            {
                Stream stream = await factory.ConnectStreamAsync(_listener.LocalEndPoint!).AsTask()
                    .Within("a connection");
                await AssertEchoAsync(stream);
                await stream.DisposeAsync();
            }

            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<Exception>(() => waiting.Within("the end of the attempt"));
        }
    }

    [Fact]
    public async Task A_refusal_is_the_exception_of_a_socket()
    {
        await using FdmConnectionFactory factory = NewFactory();
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var datagrams = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        datagrams.Bind(new UnixDomainSocketEndPoint("\0fdm-datagrams-" + Guid.NewGuid().ToString("N")));

        foreach (EndPoint target in (EndPoint[])[
            bound.LocalEndPoint!,
            datagrams.LocalEndPoint!,
            new UnixDomainSocketEndPoint(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"))),
            new UnixDomainSocketEndPoint("/dev/null"),
            new IPEndPoint(IPAddress.Broadcast, 9),
            new IPEndPoint(IPAddress.Loopback, 0)])
        {
            using var socket = new Socket(
                target.AddressFamily, SocketType.Stream, target.AddressFamily
                    == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
            SocketException expected = Assert.ThrowsAny<SocketException>(() => socket.Connect(target));

            SocketException actual = await Assert.ThrowsAnyAsync<SocketException>(
                () => factory.ConnectAsync(target).AsTask().Within("a refusal"));

            Assert.Equal(
                (expected.SocketErrorCode, expected.ErrorCode, expected.Message),
                (actual.SocketErrorCode, actual.ErrorCode, actual.Message));
            await Assert.ThrowsAnyAsync<SocketException>(
                () => factory.ConnectStreamAsync(target).AsTask().Within("a refusal"));
        }
    }

    [Fact]
    public async Task A_connection_that_is_opened_while_its_factory_is_disposed_of_works_or_is_refused()
    {
        var pool = new CheckingMemoryPoolFactory();
        var transport =
            new FdmTransportFactory(Options.Create(new FdmTransportOptions { LoopCount = 2 }), _events, pool);
        for (int i = 0; i < 100; i++)
        {
            var factory = new FdmConnectionFactory(transport);
            using var start = new Barrier(2);
            Task disposing = Task.Run(() =>
            {
                start.SignalAndWait();
                factory.Dispose();
            });
            start.SignalAndWait();
            try
            {
                ConnectionContext connection = await factory.ConnectAsync(_listener.LocalEndPoint!).AsTask()
                    .Within("a connection or a refusal");
                await connection.DisposeAsync();
            }
            catch (ObjectDisposedException)
            {
            }

            await disposing.Within("the disposal");
        }

        await transport.DisposeAsync();
        pool.AssertAllReturned();
    }

    [Fact]
    public async Task Where_the_transport_cannot_run_connections_are_plain_sockets_and_the_log_says_so_once()
    {
        await using var transport = new FdmTransportFactory(Options.Create(new FdmTransportOptions()), _events)
        {
            Probe = static () => "the moon is full."
        };
        await using var factory = new FdmConnectionFactory(transport);

        Stream stream = await factory.ConnectStreamAsync(_listener.LocalEndPoint!).AsTask().Within("a stream");
        Assert.IsType<NetworkStream>(stream);
        await AssertEchoAsync(stream);
        await stream.DisposeAsync();

        ConnectionContext connection = await factory.ConnectAsync(
            new DnsEndPoint("localhost", ((IPEndPoint)_listener.LocalEndPoint!).Port, AddressFamily.InterNetwork))
            .AsTask().Within("a connection");
        await AssertEchoAsync(new DuplexStream(connection));
        await connection.DisposeAsync();

        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        SocketException refused = await Assert.ThrowsAnyAsync<SocketException>(
            () => factory.ConnectStreamAsync(bound.LocalEndPoint!).AsTask().Within("a refusal"));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        await Assert.ThrowsAsync<NotSupportedException>(
            () => factory.ConnectAsync(new FileHandleEndPoint(0, FileHandleType.Auto)).AsTask());
        Eventually.Until(() => _events.Count("ConnectingBySockets") > 0, "the warning");
        Assert.Equal(1, _events.Count("ConnectingBySockets"));

        await factory.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => factory.ConnectStreamAsync(_listener.LocalEndPoint!).AsTask());
    }

    [Fact]
    public async Task The_timeout_holds_for_plain_sockets_too()
    {
        using var full = new FullBacklog();
        var options = new FdmTransportOptions { ConnectTimeout = TimeSpan.FromMilliseconds(50) };
        await using var transport =
            new FdmTransportFactory(Options.Create(options), _events) { Probe = static () => "it is late." };
        await using var factory = new FdmConnectionFactory(transport);

        SocketException late = await Assert.ThrowsAnyAsync<SocketException>(
            () => factory.ConnectStreamAsync(full.EndPoint).AsTask().Within("the end of the attempt"));

        Assert.Contains(late.SocketErrorCode, (SocketError[])[SocketError.TimedOut, SocketError.WouldBlock]);
    }

    private FdmConnectionFactory NewFactory()
        => new(Options.Create(new FdmTransportOptions { LoopCount = 1 }), _events);

    private async Task AssertEchoAsync(Stream stream)
    {
        using Socket peer = await _listener.AcceptAsync().Within("an accepted connection");
        await stream.WriteAsync(new byte[] { 1, 2, 3 }).AsTask().Within("a write");
        byte[] bytes = new byte[3];
        Assert.Equal(3, await peer.ReceiveAsync(bytes).Within("bytes"));
        await peer.SendAsync(bytes).Within("a send");
        await stream.ReadExactlyAsync(bytes).AsTask().Within("an echo");
        Assert.Equal([1, 2, 3], bytes);
    }
}
