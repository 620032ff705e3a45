using System;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>Clients that do anything at any moment.</summary>
[Trait("Category", "Slow")]
public sealed class ChaosTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Clients = 2000;
    private const int Parallelism = 64;
    private const int LargeLength = 256 * 1024;
    private const string UploadHead = "POST /hash HTTP/1.1\r\nHost: test\r\nContent-Length: 65536\r\n\r\n";

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_server_survives_clients_that_vanish_at_any_moment(TransportKind transport)
    {
        var setup = new TestServerSetup { ExpectedError = TestServerSetup.DrainError };
        TestServer server = await StartAsync(transport, AnswerAsync, setup);
        await Parallel.ForAsync(
            0,
            Clients,
            new ParallelOptions { MaxDegreeOfParallelism = Parallelism },
            async (i, _) =>
                await MisbehaveAsync(server, new Random(i)));
        await AssertSurvivedAsync(server);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_raw_echo_survives_clients_that_vanish_at_any_moment(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            // A reset ends the echo with an exception, which is no failure of the application.
            await Record.ExceptionAsync(() => Handlers.EchoRaw(connection));
        });
        await Parallel.ForAsync(
            0,
            Clients,
            new ParallelOptions { MaxDegreeOfParallelism = Parallelism },
            async (i, _) =>
                await EchoAndVanishAsync(server, new Random(i)));

        await Eventually.UntilAsync(() => server.Loops.Sum(loop => loop.Connections) == 0);
        using RawClient survivor = await server.ConnectAsync();
        await survivor.SendAsync("alive");
        Assert.Equal("alive", await survivor.ReadTextAsync(5));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_server_survives_handlers_that_abort_at_any_moment(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, async context =>
        {
            if (context.Request.Path == "/abort")
            {
                Task aborting = Task.Run(context.Abort);
                await Record.ExceptionAsync(() => Handlers.WritePatternAsync(context.Response.Body, LargeLength));
                await aborting;
                return;
            }

            await AnswerAsync(context);
        });
        await Parallel.ForAsync(
            0,
            Clients / 4,
            new ParallelOptions { MaxDegreeOfParallelism = Parallelism },
            async (_, _) =>
            {
                using RawClient client = await server.ConnectAsync();
                await TryAsync(async () =>
                {
                    await client.SendAsync(RawClient.Get("/abort"));
                    await client.ReadToEndAsync();
                });
            });
        await AssertSurvivedAsync(server);
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/hash":
                // A client that vanishes in its upload ends the read with one exception or another.
                await Record.ExceptionAsync(() => Handlers.HashBody(context));
                break;
            case "/large":
                await Handlers.SendPattern(context, LargeLength);
                break;
            default:
                await context.Response.WriteAsync("alive");
                break;
        }
    }

    private static async Task MisbehaveAsync(TestServer server, Random random)
    {
        using RawClient client = await server.ConnectAsync();
        switch (random.Next(12))
        {
            case 0:
                break;
            case 1:
                client.Reset();
                break;
            case 2:
                await client.SendAsync(RawClient.Get("/")[..random.Next(1, 25)]);
                End(client, random);
                break;
            case 3:
                await client.SendAsync(UploadHead);
                await client.SendAsync(new byte[random.Next(1, 65536)]);
                End(client, random);
                break;
            case 4:
                await TryAsync(async () =>
                {
                    await client.SendAsync(UploadHead);
                    await client.SendAsync(new byte[random.Next(1, 65536)]);
                    client.HalfClose();
                    await client.ReadToEndAsync();
                });
                break;
            case 5:
                await client.SendAsync(RawClient.Get("/large"));
                End(client, random);
                break;
            case 6:
                await client.SendAsync(RawClient.Get("/large"));
                await client.ReadExactlyAsync(random.Next(1, LargeLength));
                End(client, random);
                break;
            case 7:
                int answers = random.Next(1, 10);
                await client.SendAsync(string.Concat(Enumerable.Repeat(RawClient.Get("/"), 10)));
                for (int i = 0; i < answers; i++)
                {
                    Assert.Equal("alive", (await client.ReadReplyAsync()).Text);
                }

                End(client, random);
                break;
            case 8:
                // Kestrel may see the FIN before it has answered, so all that is certain is an end.
                await TryAsync(async () =>
                {
                    await client.SendAsync(RawClient.Get("/"));
                    client.HalfClose();
                    await client.ReadToEndAsync();
                });
                break;
            case 9:
                await client.SendAsync(UploadHead);
                await client.SendAsync(new byte[65536]);
                Assert.Equal(64, (await client.ReadReplyAsync()).Text.Length);
                break;
            default:
                for (int i = random.Next(1, 10); i > 0; i--)
                {
                    Assert.Equal("alive", (await client.GetAsync("/")).Text);
                }

                End(client, random);
                break;
        }
    }

    private static async Task EchoAndVanishAsync(TestServer server, Random random)
    {
        using RawClient client = await server.ConnectAsync();
        int length = random.Next(1, 2000) * 8;
        byte[] sent = BytePattern.Default.Create(length);
        await client.SendAsync(sent);
        if (random.Next(2) == 0)
        {
            client.HalfClose();
        }

        byte[] echo = await client.ReadExactlyAsync(random.Next(1, length));
        Assert.True(sent.AsSpan(0, echo.Length).SequenceEqual(echo));
        End(client, random);
    }

    private static void End(RawClient client, Random random)
    {
        if (random.Next(2) == 0)
        {
            client.Reset();
        }
    }

    private static async Task TryAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception exception) when (exception is SocketException or EndOfStreamException)
        {
            // The server was first to end the connection.
        }
    }

    private static async Task AssertSurvivedAsync(TestServer server)
    {
        await Eventually.UntilAsync(() => server.Loops.Sum(loop => loop.Connections) == 0);
        using RawClient survivor = await server.ConnectAsync();
        Assert.Equal("alive", (await survivor.GetAsync("/")).Text);
    }
}
