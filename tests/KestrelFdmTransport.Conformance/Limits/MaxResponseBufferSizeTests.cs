using System;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Requests;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Limits;

/// <summary>How much the transport takes from the application for a client that does not read.</summary>
[Trait("Category", "Slow")]
public sealed class MaxResponseBufferSizeTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Length = 24 * 1024 * 1024;
    private const int ChunkSize = 16 * 1024;
    private const int Megabyte = 1024 * 1024;

    public static TheoryData<TransportKind, long> LimitsThatHold
        => Cases.Cross(OnBoth, [1L, 16 * 1024, 64 * 1024, 5 * Megabyte]);

    public static TheoryData<TransportKind, long?> LimitsThatDoNotHold
        => Cases.Cross(OnBoth, new long?[] { 100L * Megabyte, long.MaxValue, null });

    [Theory, MemberData(nameof(LimitsThatHold))]
    public async Task A_limit_below_the_response_holds_the_writer_up_until_the_client_reads(
        TransportKind transport,
        long limit)
    {
        var written = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await SendAsync(context.Response.BodyWriter);
                written.Set();
            },
            Setup(limit));
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);

        await client.SendAsync(RawClient.Get("/"));
        await Eventually.UntilAsync(
            () => TcpTable.Unread(client.LocalEndPoint, client.RemoteEndPoint) > 0
                && TcpTable.Unsent(client.RemoteEndPoint, client.LocalEndPoint) > 0);
        Assert.False(written.Task.IsCompleted);
        // The limit, the write that reached it, and what Kestrel keeps for itself.
        Assert.InRange(server.Pool.Peak, 0, (limit + 256 * 1024) / CheckingMemoryPoolFactory.BlockSize);

        await client.ReadHeadAsync();
        await ReadChunksAsync(client);
        await written.Task.Within();
    }

    [Theory, MemberData(nameof(LimitsThatDoNotHold))]
    public async Task Without_a_limit_below_the_response_the_writer_is_not_held_up(TransportKind transport, long? limit)
    {
        var written = new Signal();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                await SendAsync(context.Response.BodyWriter);
                written.Set();
            },
            Setup(limit));
        using RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);

        await client.SendAsync(RawClient.Get("/"));
        await written.Task.Within();

        await client.ReadHeadAsync();
        await ReadChunksAsync(client);
    }

    private static TestServerSetup Setup(long? limit)
        => new() { Transport = new TransportSettings { MaxWriteBufferSize = new BufferLimit(limit) } };

    private static async Task SendAsync(PipeWriter body)
    {
        for (int offset = 0; offset < Length; offset += ChunkSize)
        {
            BytePattern.Default.Fill(body.GetSpan(ChunkSize)[..ChunkSize], offset);
            body.Advance(ChunkSize);
            await body.FlushAsync();
        }
    }

    private static async Task ReadChunksAsync(RawClient client)
    {
        byte[] expected = new byte[ChunkSize];
        int offset = 0;
        byte[] chunk;
        while ((chunk = await client.ReadChunkAsync()).Length != 0)
        {
            BytePattern.Default.Fill(expected.AsSpan(0, chunk.Length), offset);
            Assert.True(expected.AsSpan(0, chunk.Length).SequenceEqual(chunk));
            offset += chunk.Length;
        }

        Assert.Equal(Length, offset);
    }
}
