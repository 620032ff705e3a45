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

/// <summary>A listen socket that the application shares with the transport, and makes blocking.</summary>
[Collection(NonParallel.Name)]
public sealed class BlockingListenSocketTests
{
    [Fact]
    public async Task A_loop_that_finds_no_client_on_a_blocking_listen_socket_goes_on()
    {
        const int SetStatusFlags = 4;
        Socket? listening = null;
        var options = new FdmTransportOptions
        {
            LoopCount = 1,
            CreateBoundListenSocket = endPoint => listening = FdmTransportOptions.CreateDefaultBoundListenSocket(
                endPoint),
        };
        await using var factory = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        using TcpClient present = await ConnectAsync(listener);
        ConnectionContext connection = (await listener.AcceptAsync())!;
        Assert.Equal(0, LibC.FCntl((int)listening!.Handle, SetStatusFlags, 0));

        // Another loop or process is quicker: the client is gone when this one accepts.
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
        try
        {
            using TcpClient newcomer = await ConnectAsync(listener);
            Eventually.Until(() => Volatile.Read(ref stolen) != 0, "the loop to accept");

            // The loop serves the connection that it has.
            await present.GetStream().WriteAsync(new byte[] { 1 });
            Assert.Equal(1, (await connection.Transport.Input.ReadAsync().AsTask().Within("the byte")).Buffer.Length);
        }
        finally
        {
            SyscallFaultInjection.Handler = null;
        }

        connection.Abort();
        await connection.DisposeAsync();
    }

    private static async Task<TcpClient> ConnectAsync(IConnectionListener listener)
    {
        var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.EndPoint);
        return client;
    }
}
