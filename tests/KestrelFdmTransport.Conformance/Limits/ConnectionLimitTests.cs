using System.IO;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Limits;

/// <summary>More connections than the server wants.</summary>
public sealed class ConnectionLimitTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string UpgradeRequest =
        "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_connection_above_the_limit_is_ended_at_once_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            TestServer server =
                await StartAsync(kind, context => context.Response.WriteAsync("hello"), Limit(connections: 2));
            using (RawClient first = await server.ConnectAsync())
            using (RawClient second = await server.ConnectAsync())
            {
                Assert.Equal("hello", (await first.GetAsync("/")).Text);
                Assert.Equal("hello", (await second.GetAsync("/")).Text);
                using RawClient rejected = await server.ConnectAsync();
                await transcript.StepAsync("rejected", "read", rejected.AssertFinAsync);
                await transcript.StepAsync("first", "get", async () => (await first.GetAsync("/")).Text);
            }

            await server.UntilConnectionsStoppedAsync(3);
            using RawClient next = await server.ConnectAsync();
            await transcript.StepAsync("next", "get", async () => (await next.GetAsync("/")).Text);
            foreach (LogEntry entry in server.Logs.Entries)
            {
                if (entry.Is("ConnectionRejected"))
                {
                    transcript.Add("log", HostLog.Neutral(Observe.Describe(entry)));
                }
            }
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Many_connections_above_the_limit_are_ended_and_the_one_below_is_served(TransportKind transport)
    {
        TestServer server =
            await StartAsync(transport, context => context.Response.WriteAsync("hello"), Limit(connections: 1));
        using RawClient first = await server.ConnectAsync();
        Assert.Equal("hello", (await first.GetAsync("/")).Text);

        for (int i = 0; i < 50; i++)
        {
            using RawClient rejected = await server.ConnectAsync();
            await rejected.AssertFinAsync();
        }

        Assert.Equal("hello", (await first.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_place_is_free_again_after_a_reset(TransportKind transport)
    {
        TestServer server =
            await StartAsync(transport, context => context.Response.WriteAsync("hello"), Limit(connections: 1));
        for (int i = 1; i <= 10; i++)
        {
            RawClient client = await server.ConnectAsync();
            Assert.Equal("hello", (await client.GetAsync("/")).Text);
            client.Reset();
            await server.UntilConnectionsStoppedAsync(i);
        }
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_upgrade_above_the_limit_is_refused_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            int number = 0;
            TestServer server = await StartAsync(
                kind,
                async context =>
                {
                    string party = $"request {++number}";
                    Stream? stream = null;
                    await transcript.StepAsync(party, "upgrade", async () =>
                    {
                        stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
                        return "raw";
                    });
                    if (stream is not null)
                    {
                        byte[] buffer = new byte[4];
                        await stream.ReadExactlyAsync(buffer);
                        await stream.WriteAsync(buffer);
                    }
                },
                Limit(upgraded: 1));
            using RawClient first = await server.ConnectAsync();
            await first.SendAsync(UpgradeRequest);
            await transcript.StepAsync("first", "upgrade", async () => $"{(await first.ReadHeadAsync()).Status}");

            using RawClient second = await server.ConnectAsync();
            await second.SendAsync(UpgradeRequest);
            await transcript.StepAsync("second", "upgrade", async () => $"{(await second.ReadHeadAsync()).Status}");

            await first.SendAsync("echo");
            await transcript.StepAsync("first", "echo", () => first.ReadTextAsync(4));
            await transcript.StepAsync("first", "read", first.AssertFinAsync);
            await server.UntilConnectionsStoppedAsync();

            using RawClient third = await server.ConnectAsync();
            await third.SendAsync(UpgradeRequest);
            await transcript.StepAsync("third", "upgrade", async () => $"{(await third.ReadHeadAsync()).Status}");
            await third.SendAsync("echo");
            await transcript.StepAsync("third", "echo", () => third.ReadTextAsync(4));
        });
    }

    private static TestServerSetup Limit(int? connections = null, int? upgraded = null) => new()
    {
        Kestrel = kestrel =>
        {
            kestrel.Limits.MaxConcurrentConnections = connections;
            kestrel.Limits.MaxConcurrentUpgradedConnections = upgraded;
        },
    };
}
