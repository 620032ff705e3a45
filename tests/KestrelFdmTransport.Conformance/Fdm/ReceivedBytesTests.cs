using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>
/// Blocks are not cleared between connections, and what an earlier one has left in them is not shown.
/// </summary>
public sealed class ReceivedBytesTests(ITestOutputHelper output) : TransportTest(output)
{
    private const byte Secret = (byte)'S';

    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task A_read_shows_the_bytes_received_and_none_of_an_earlier_connection(TransportKind transport)
    {
        await using BareTransport bare = await BareTransport.StartAsync(transport);
        byte[] secrets = new byte[3 * CheckingMemoryPoolFactory.BlockSize];
        Array.Fill(secrets, Secret);
        for (int round = 0; round < 50; round++)
        {
            await ReceiveAsync(bare, secrets);
            byte[] sent = [.. Enumerable.Range(0, 1 + (round * 97 % 5_000)).Select(i => (byte)(i % 64))];
            Assert.Equal(sent, await ReceiveAsync(bare, sent));
        }
    }

    /// <summary>All that the reader shows until the end, seen anew at each read.</summary>
    private static async Task<byte[]> ReceiveAsync(BareTransport bare, byte[] bytes)
    {
        (RawClient client, ConnectionContext server) = await bare.ConnectAsync();
        using (client)
        await using (server)
        {
            Task sending = client.SendAsync(bytes);
            PipeReader input = server.Transport.Input;
            while (true)
            {
                ReadResult result = await input.ReadAsync().Within();
                Assert.InRange(result.Buffer.Length, 0, bytes.Length);
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    Assert.True(bytes[0] == Secret || !segment.Span.Contains(Secret));
                }

                if (result.Buffer.Length == bytes.Length)
                {
                    await sending;
                    byte[] seen = result.Buffer.ToArray();
                    input.AdvanceTo(result.Buffer.End);
                    return seen;
                }

                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            }
        }
    }
}
