using System;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>What becomes of a stream's bytes, waits and connection when it ends.</summary>
[Trait("Category", "Slow")]
public sealed class StreamEndTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Dispose_ends_what_waits_and_the_connection_although_the_peer_never_reads(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        foreach (bool asynchronously in (bool[])[false, true])
        {
            StreamUnderTest test = await StreamUnderTest.OpenAsync(client.Factory);
            Task write = test.Stream.WriteAsync(new byte[32 * 1024 * 1024]).AsTask();
            Task<int> read = test.Stream.ReadAsync(new byte[10]).AsTask();
            Assert.False(write.IsCompleted || read.IsCompleted);

            Task disposing = Task.Run(async () =>
            {
                if (asynchronously)
                {
                    await test.Stream.DisposeAsync();
                }
                else
                {
                    test.Stream.Dispose();
                }
            });

            await disposing.Within();
            AssertAborted(await Assert.ThrowsAsync<IOException>(() => write.Within()));
            AssertAborted(await Assert.ThrowsAsync<IOException>(() => read.Within()));
            await AssertNothingLeftAsync(client);
            test.Peer.Dispose();
        }
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task What_was_written_before_Dispose_arrives_as_from_a_NetworkStream(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        foreach (FdmConnectionFactory? factory in (FdmConnectionFactory?[])[null, client.Factory])
        {
            foreach (int size in (int[])[1, 1_000, 4_096, 40_000, 65_536, 100_000])
            {
                StreamUnderTest test = await StreamUnderTest.OpenAsync(factory);
                byte[] sent = BytePattern.Default.Create(size / 8 * 8 + 8)[..size];
                await test.Stream.WriteAsync(sent).AsTask().Within();
                await test.Stream.WriteAsync(sent).AsTask().Within();
                test.Stream.Dispose();

                var received = new MemoryStream();
                await using var peer = new NetworkStream(test.Peer, ownsSocket: true);
                await peer.CopyToAsync(received).Within();
                Assert.Equal([.. sent, .. sent], received.ToArray());
            }
        }

        await AssertNothingLeftAsync(client);
    }

    /// <summary>
    /// As long as the peer takes nothing, all that is written stays where it was, save what the kernel has taken.
    /// </summary>
    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_write_that_has_completed_is_in_the_kernel(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        StreamUnderTest test = await StreamUnderTest.OpenAsync(client.Factory);
        byte[] piece = new byte[10_000];
        long written = 0;
        Task write;
        while (true)
        {
            write = test.Stream.WriteAsync(piece).AsTask();
            if (await Task.WhenAny(write, Task.Delay(200)) != write)
            {
                break;
            }

            await write;
            written += piece.Length;
        }

        test.Stream.Dispose();
        await Assert.ThrowsAsync<IOException>(() => write.Within());
        long received = 0;
        byte[] buffer = new byte[100_000];
        for (int count; (count = await test.Peer.ReceiveAsync(buffer).Within()) > 0;)
        {
            received += count;
        }

        Assert.InRange(received, written, written + piece.Length);
        await AssertNothingLeftAsync(client);
        test.Peer.Dispose();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_large_write_is_not_copied_whole(TransportKind transport)
    {
        const int Size = 200 * 1024 * 1024;
        FdmClient client = CreateClient(transport);
        StreamUnderTest test = await StreamUnderTest.OpenAsync(client.Factory);
        byte[] large = GC.AllocateUninitializedArray<byte>(Size);
        long before = GC.GetTotalAllocatedBytes();

        Task write = test.Stream.WriteAsync(large).AsTask();

        Assert.False(write.IsCompleted);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, Size / 2);
        test.Stream.Dispose();
        await Assert.ThrowsAsync<IOException>(() => write.Within());
        test.Peer.Dispose();
        await AssertNothingLeftAsync(client);
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task The_end_of_the_transport_ends_what_waits_with_an_IOException(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        StreamUnderTest test = await StreamUnderTest.OpenAsync(client.Factory);
        Task write = test.Stream.WriteAsync(new byte[32 * 1024 * 1024]).AsTask();
        Task<int> read = test.Stream.ReadAsync(new byte[10]).AsTask();

        await client.Transport.DisposeAsync().Within();

        AssertAborted(await Assert.ThrowsAsync<IOException>(() => write.Within()));
        AssertAborted(await Assert.ThrowsAsync<IOException>(() => read.Within()));
        await Assert.ThrowsAsync<IOException>(() => test.Stream.WriteAsync(new byte[1]).AsTask().Within());
        test.Stream.Dispose();
        test.Peer.Dispose();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_stream_that_its_owner_has_forgotten_ends(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        using Socket peer = await ForgetAsync(client.Factory);

        await Eventually.UntilAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Connections(client) == 0;
        });
        Assert.Equal(0, await peer.ReceiveAsync(new byte[1]).Within());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_that_blocks_ends_with_the_streams_timeout(bool ours)
    {
        FdmClient client = CreateClient(TransportKind.Fdm);
        StreamUnderTest test = await StreamUnderTest.OpenAsync(ours ? client.Factory : null);
        test.Stream.ReadTimeout = 100;
        test.Stream.WriteTimeout = 100;

        IOException late = await Assert.ThrowsAsync<IOException>(
            () => Task.Run(() => test.Stream.Read(new byte[1], 0, 1)).Within());
        Assert.Equal(SocketError.TimedOut, Assert.IsType<SocketException>(late.InnerException).SocketErrorCode);
        late = await Assert.ThrowsAsync<IOException>(
            () => Task.Run(() => test.Stream.Write(new byte[32 * 1024 * 1024], 0, 32 * 1024 * 1024)).Within());
        Assert.Equal(SocketError.TimedOut, Assert.IsType<SocketException>(late.InnerException).SocketErrorCode);

        await test.Peer.SendAsync(new byte[] { 5 });
        Assert.Equal(5, await Task.Run(test.Stream.ReadByte).Within());
        test.Stream.Dispose();
        test.Peer.Dispose();
        await AssertNothingLeftAsync(client);
    }

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task Reads_and_writes_that_race_with_Dispose_end_as_they_may(TransportKind transport)
    {
        FdmClient client = CreateClient(transport);
        for (int i = 0; i < 100; i++)
        {
            StreamUnderTest test = await StreamUnderTest.OpenAsync(client.Factory);
            Task echo = EchoAsync(test.Peer);
            Task reading = UseAsync(
                test.Stream,
                static async stream => Assert.NotEqual(0, await stream.ReadAsync(new byte[1_000])));
            Task writing = UseAsync(test.Stream, static stream => stream.WriteAsync(new byte[5_000]).AsTask());
            await test.Stream.WriteAsync(new byte[100]);
            for (int spin = 0; spin < i * 10; spin++)
            {
                await Task.Yield();
            }

            await Task.Run(test.Stream.Dispose).Within();
            await reading.Within();
            await writing.Within();
            await echo.Within();
            test.Peer.Dispose();
        }

        await AssertNothingLeftAsync(client);
    }

    private static async Task UseAsync(Stream stream, Func<Stream, Task> use)
    {
        try
        {
            while (true)
            {
                await use(stream);
                await Task.Yield();
            }
        }
        catch (ObjectDisposedException)
        {
        }
        catch (IOException exception)
        {
            AssertAborted(exception);
        }
    }

    private static async Task EchoAsync(Socket peer)
    {
        byte[] buffer = new byte[10_000];
        try
        {
            for (int count; (count = await peer.ReceiveAsync(buffer)) > 0;)
            {
                await peer.SendAsync(buffer.AsMemory(0, count));
            }
        }
        catch (SocketException)
        {
            // The stream was disposed of with bytes on the way.
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<Socket> ForgetAsync(FdmConnectionFactory factory)
        => (await StreamUnderTest.OpenAsync(factory)).Peer;

    private static void AssertAborted(IOException exception)
        => Assert.Equal(
            SocketError.OperationAborted,
            Assert.IsAssignableFrom<SocketException>(exception.InnerException).SocketErrorCode);

    private static int Connections(FdmClient client)
        => client.Transport.GetLoopStatistics().Sum(loop => loop.Connections);

    private static Task AssertNothingLeftAsync(FdmClient client)
        => Eventually.UntilAsync(() => Connections(client) == 0);

    private FdmClient CreateClient(TransportKind transport)
    {
        var client = new FdmClient(transport);
        CheckAfterwards(client, client.Logs);
        return client;
    }
}
