using System;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>A listen socket of the application's, which changes it or ends it while the endpoint is bound.</summary>
[Collection(NonParallel.Name)]
[SuppressMessage("Design", "CA1001", Justification = "Each test ends with the asynchronous disposal.")]
public sealed class ApplicationListenSocketTests : IAsyncLifetime
{
    private FdmTransportFactory? _factory;
    private Socket? _socket;
    private IConnectionListener? _listener;

    public static TheoryData<bool> Families => [true, false];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        SyscallFaultInjection.Handler = null;
        await _listener!.DisposeAsync();
        await _factory!.DisposeAsync();
    }

    /// <summary>The socket stays ready after its end, and a Unix socket does not even say so when it accepts.</summary>
    [Theory, MemberData(nameof(Families))]
    public async Task The_loops_accept_no_more_than_a_few_times_from_one_that_is_disposed_of(bool isUnix)
    {
        const int Loops = 2;
        IConnectionListener listener = await BindAsync(isUnix, Loops);
        int accepts = 0;
        SyscallFaultInjection.Handler = (call, _) =>
        {
            if (call == Syscall.Accept)
            {
                Interlocked.Increment(ref accepts);
            }

            return 0;
        };

        await Task.Run(_socket!.Dispose).Within("the disposal of the listen socket");

        Assert.Null(await listener.AcceptAsync().AsTask().Within("the end of accepting"));
        Assert.InRange(Volatile.Read(ref accepts), 0, 5 * Loops);
    }

    [Fact]
    public async Task A_loop_that_finds_no_client_on_one_that_blocks_goes_on()
    {
        const int SetStatusFlags = 4;
        IConnectionListener listener = await BindAsync(isUnix: false, loops: 1);
        using TcpClient first = await ConnectAsync(listener);
        ConnectionContext connection = (await listener.AcceptAsync())!;
        Assert.Equal(0, LibC.FCntl((int)_socket!.Handle, SetStatusFlags, 0));

        // Another process is quicker: the client is gone when the loop accepts.
        int stolen = 0;
        SyscallFaultInjection.Handler = (call, descriptor) =>
        {
            if (call == Syscall.Accept && Interlocked.Exchange(ref stolen, 1) == 0)
            {
                unsafe
                {
                    Sys.Close(Sys.Accept(descriptor, null, null));
                }
            }

            return 0;
        };
        using TcpClient second = await ConnectAsync(listener);
        Eventually.Until(() => Volatile.Read(ref stolen) != 0, "the loop to accept");

        // The loop serves the connection that it has.
        await first.GetStream().WriteAsync(new byte[] { 1 });
        Assert.Equal(1, (await connection.Transport.Input.ReadAsync().AsTask().Within("the byte")).Buffer.Length);
        connection.Abort();
        await connection.DisposeAsync();
    }

    private static async Task<TcpClient> ConnectAsync(IConnectionListener listener)
    {
        var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.EndPoint);
        return client;
    }

    private async Task<IConnectionListener> BindAsync(bool isUnix, int loops)
    {
        var options = new FdmTransportOptions
        {
            LoopCount = loops,
            CreateBoundListenSocket = endPoint => _socket = FdmTransportOptions.CreateDefaultBoundListenSocket(
                endPoint),
        };
        _factory = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        return _listener = await _factory.BindAsync(
            isUnix
                ? new UnixDomainSocketEndPoint($"\0{nameof(ApplicationListenSocketTests)}-{Environment.ProcessId}")
                : new IPEndPoint(IPAddress.Loopback, 0));
    }
}
