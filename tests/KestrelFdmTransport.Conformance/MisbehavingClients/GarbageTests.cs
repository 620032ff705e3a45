using System;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.MisbehavingClients;

/// <summary>Bytes that are no HTTP. What a ClientHello gets is among the tests of TLS.</summary>
public sealed class GarbageTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task Random_bytes_are_answered_with_an_error_or_the_end(TransportKind transport)
    {
        TestServer server = await StartHttp1Async(transport);
        await Parallel.ForAsync(0, 300, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (seed, _) =>
        {
            var random = new Random(seed);
            byte[] garbage = new byte[random.Next(1, 20_000)];
            random.NextBytes(garbage);
            if (seed % 3 == 0)
            {
                // As a record of TLS in the middle of a session begins.
                byte[] record = [23, 3, 3, (byte)(garbage.Length >> 8), (byte)garbage.Length];
                record.AsSpan(0, Math.Min(record.Length, garbage.Length)).CopyTo(garbage);
            }

            await AssertRefusedAsync(server, seed % 2 == 0 ? [] : Encoding.ASCII.GetBytes(RawClient.Get("/")), garbage);
        });
        using RawClient survivor = await server.ConnectAsync();
        Assert.Equal("alive", (await survivor.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Headers_above_the_limit_are_answered_with_431_and_the_end(TransportKind transport)
    {
        TestServer server = await StartHttp1Async(transport);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: test\r\nX-Large: {new string('v', 40 * 1024)}\r\n\r\n");
        Assert.Equal(431, (await client.ReadReplyAsync()).Status);
        await EndAsync(client);
    }

    private Task<TestServer> StartHttp1Async(TransportKind transport)
        => StartAsync(transport, context => context.Response.WriteAsync("alive"), new TestServerSetup
        {
            Listen = options => options.Protocols = HttpProtocols.Http1,
        });

    /// <summary>
    /// What comes after a request may begin a longer one, so the client ends its side; what it gets ends too.
    /// </summary>
    private static async Task AssertRefusedAsync(TestServer server, byte[] request, byte[] garbage)
    {
        using RawClient client = await server.ConnectAsync();
        try
        {
            await client.SendAsync(request);
            if (request.Length > 0)
            {
                Assert.Equal("alive", (await client.ReadReplyAsync()).Text);
            }

            await client.SendAsync(garbage);
            client.HalfClose();
        }
        catch (SocketException)
        {
            // The server is done with this client already.
        }

        string answer = await EndAsync(client);
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal), answer);
    }

    /// <summary>What comes before FIN or a reset: the kernel resets where bytes were left unread.</summary>
    private static async Task<string> EndAsync(RawClient client)
    {
        var answer = new StringBuilder();
        byte[] chunk = new byte[4096];
        try
        {
            for (int count; (count = await client.ReadAsync(chunk)) != 0;)
            {
                answer.Append(Encoding.ASCII.GetString(chunk, 0, count));
            }
        }
        catch (SocketException)
        {
            // An end as good as any.
        }

        return answer.ToString();
    }
}
