using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// What a stream's bytes cost in system calls. Alone, because the calls are those of the whole process.
/// </summary>
[Collection(NonParallel.Name)]
public sealed class StreamReceiveTests
{
    private const int Length = 100_000;

    /// <summary>
    /// A socket whose caller reads 16 kB at a time makes seven; a block of the application's pool at a time would be
    /// 25.
    /// </summary>
    [Fact]
    public async Task A_hundred_kilobytes_are_received_in_few_calls()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        await using var factory = new FdmConnectionFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);
        await using Stream stream = await factory.ConnectStreamAsync(listener.LocalEndPoint!);
        using Socket peer = await listener.AcceptAsync();
        int calls = 0;
        SyscallFaultInjection.Handler = (call, _) =>
        {
            if (call == Syscall.Receive)
            {
                Interlocked.Increment(ref calls);
            }

            return 0;
        };
        try
        {
            byte[] sent = new byte[Length];
            new Random(1).NextBytes(sent);
            Task<int> sending = peer.SendAsync(sent);
            byte[] received = new byte[Length];
            for (int count = 0; count < Length;)
            {
                count += await stream.ReadAsync(received.AsMemory(count, Math.Min(16_384, Length - count))).AsTask()
                    .Within("bytes");
            }

            await sending.Within("all sent");
            Assert.Equal(sent, received);
        }
        finally
        {
            SyscallFaultInjection.Handler = null;
        }

        Assert.InRange(calls, 1, 12);
    }
}
