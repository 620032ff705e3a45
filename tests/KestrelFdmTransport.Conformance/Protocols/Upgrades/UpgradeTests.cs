using System;
using System.IO;
using System.Security.Cryptography;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Upgrades;

/// <summary>HTTP/1.1 connections that become something else.</summary>
public sealed class UpgradeTests(ITestOutputHelper output) : OracleTest(output)
{
    private const int ReadFinEvent = 6;
    private const string Upgrade = "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_upgraded_connection_carries_bytes_both_ways(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, EchoUpgraded);
        using RawClient client = await ConnectUpgradedAsync(server);

        for (int i = 0; i < 100; i++)
        {
            string message = $"message {i}\n";
            await client.SendAsync(message);
            Assert.Equal(message, await client.ReadTextAsync(message.Length));
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_upgraded_connection_carries_megabytes_both_ways_at_once(TransportKind transport)
    {
        const int Length = 8 * 1024 * 1024;
        TestServer server = await StartAsync(transport, EchoUpgraded);
        using RawClient client = await ConnectUpgradedAsync(server);

        Task sending = client.SendPatternAsync(Length);
        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await sending.Within();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Bytes_that_come_with_the_request_for_the_upgrade_are_not_lost(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, EchoUpgraded);
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(Upgrade + "eager");
        Assert.Equal(101, (await client.ReadReplyAsync()).Status);
        Assert.Equal("eager", await client.ReadTextAsync(5));
        await client.SendAsync("later");
        Assert.Equal("later", await client.ReadTextAsync(5));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task What_the_client_sent_before_its_FIN_is_read_whole(TransportKind transport)
    {
        const int Length = 256 * 1024;
        var goOn = new Signal();
        var read = new Signal<string>();
        TestServer server = await StartAsync(transport, async context =>
        {
            await using Stream stream = await UpgradeAsync(context);
            // The FIN aborts the request, and must not take away what came before it.
            await goOn.Task;
            read.Set(Convert.ToHexString(await SHA256.HashDataAsync(stream)));
        });
        using RawClient client = await ConnectUpgradedAsync(server);

        await client.SendPatternAsync(Length);
        client.HalfClose();
        await server.Logs.FindTransportEventAsync(ReadFinEvent).Within();
        goOn.Set();
        Assert.Equal(BytePattern.Default.Hash(Length), await read.Task.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_end_of_the_handler_ends_the_connection_with_FIN(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, async context =>
        {
            await using Stream stream = await UpgradeAsync(context);
            await stream.WriteAsync("bye"u8.ToArray());
        });
        using RawClient client = await ConnectUpgradedAsync(server);

        Assert.Equal("bye", await client.ReadTextAsync(3));
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_reset_of_the_client_ends_the_read_of_an_upgraded_connection(TransportKind candidate)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            var reading = new Signal();
            var done = new Signal();
            TestServer server = await StartAsync(transport, async context =>
            {
                await using Stream stream = await UpgradeAsync(context);
                reading.Set();
                await transcript.StepAsync("server", "read", async () => $"{await stream.ReadAsync(new byte[1])}");
                await transcript.StepAsync("server", "write", async () => await stream.WriteAsync(new byte[1]));
                done.Set();
            });
            using RawClient client = await ConnectUpgradedAsync(server);
            await reading.Task.Within();
            client.Reset();
            // The log is not compared: whether the write still meets the reset is chance.
            await done.Task.Within();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task An_abort_resets_an_upgraded_connection(TransportKind candidate)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            var done = new Signal();
            TestServer server = await StartAsync(transport, async context =>
            {
                await using Stream stream = await UpgradeAsync(context);
                Assert.Equal(1, await stream.ReadAsync(new byte[1]));
                Task<int> reading = stream.ReadAsync(new byte[1]).AsTask();
                context.Abort();
                await transcript.StepAsync("server", "read", async () => $"{await reading}");
                await transcript.StepAsync("server", "write", async () => await stream.WriteAsync(new byte[1]));
                done.Set();
            });
            using RawClient client = await ConnectUpgradedAsync(server);
            await client.SendAsync("!");
            await client.AssertResetAsync();
            await done.Task.Within();
            await server.StopAsync().Within();
            transcript.AddLog(server.Logs);
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_stop_of_the_server_is_known_to_an_upgraded_connection(TransportKind transport)
    {
        TestServer? server = null;
        server = await StartAsync(transport, async context =>
        {
            await using Stream stream = await UpgradeAsync(context);
            var stopping = new Signal();
            server!.Lifetime.ApplicationStopping.Register(stopping.Set);
            await stream.WriteAsync("ready"u8.ToArray());
            await stopping.Task;
            await stream.WriteAsync("closed"u8.ToArray());
        });
        using RawClient client = await ConnectUpgradedAsync(server);

        Assert.Equal("ready", await client.ReadTextAsync(5));
        Task stop = server.StopAsync();
        Assert.Equal("closed", await client.ReadTextAsync(6));
        await client.AssertFinAsync();
        await stop.Within();
    }

    private static async Task<RawClient> ConnectUpgradedAsync(TestServer server)
    {
        RawClient client = await server.ConnectAsync();
        await client.SendAsync(Upgrade);
        HttpReply reply = await client.ReadReplyAsync();
        Assert.Equal(101, reply.Status);
        Assert.Equal("Upgrade", reply.Headers["Connection"]);
        return client;
    }

    private static Task<Stream> UpgradeAsync(HttpContext context)
    {
        IHttpUpgradeFeature feature = context.Features.GetRequiredFeature<IHttpUpgradeFeature>();
        Assert.True(feature.IsUpgradableRequest);
        return feature.UpgradeAsync();
    }

    private static async Task EchoUpgraded(HttpContext context)
    {
        await using Stream stream = await UpgradeAsync(context);
        byte[] buffer = new byte[16 * 1024];
        int count;
        while ((count = await stream.ReadAsync(buffer)) != 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, count));
        }
    }
}
