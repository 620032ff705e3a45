using System;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.MisbehavingClients;

/// <summary>Bytes sent with MSG_OOB, compared with Sockets.</summary>
public sealed class UrgentDataTests(ITestOutputHelper output) : OracleTest(output)
{
    /// <summary>
    /// In these scripts <c>!</c> is an urgent byte, and at <c>|</c> the client waits until all before it has been read.
    /// </summary>
    private static readonly string[] s_scripts =
        ["!", "abc|!", "!abc", "abc!", "abc!def", "abc|!|def", "abc|!def|!ghi|!"];

    public static TheoryData<TransportKind, Family, string> Scripts
    {
        get
        {
            var rows = new TheoryData<TransportKind, Family, string>();
            foreach (TransportKind kind in OnFdm)
            {
                foreach (string script in s_scripts)
                {
                    rows.Add(kind, Family.IPv4, script);
                    rows.Add(kind, Family.Unix, script);
                }
            }

            return rows;
        }
    }

    [Theory, MemberData(nameof(Scripts))]
    public Task A_stream_with_urgent_bytes_arrives_as_on_Sockets(TransportKind transport, Family family, string script)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            await using TransportHost host = TransportHost.Create(kind);
            IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
            (RawClient client, ConnectionContext server) = await TransportHost.ConnectAsync(listener);
            foreach (string part in script.Split('|'))
            {
                await transcript.StepAsync("client", part, () => SendAsync(client, part));
                int ordinary = part.Replace("!", "", StringComparison.Ordinal).Length;
                if (ordinary > 0)
                {
                    transcript.Add("app", await server.ReadTextAsync(ordinary));
                }
            }

            client.HalfClose();
            await transcript.StepAsync("app", "the rest", server.ReadToEndAsync);
            await server.WriteTextAsync("end");
            await server.DisposeAsync().Within();
            await transcript.StepAsync(
                "client", "read", async () => Encoding.ASCII.GetString(await client.ReadToEndAsync()));
            client.Dispose();
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Requests_with_urgent_bytes_among_them_are_answered(TransportKind transport)
    {
        TestServer server =
            await StartAsync(transport, context => context.Response.WriteAsync(context.Request.Path.Value!));
        using RawClient client = await server.ConnectAsync();
        for (int i = 0; i < 50; i++)
        {
            string request = RawClient.Get($"/{i}");
            await client.SendAsync(request[..(i % request.Length)]);
            client.SendUrgent((byte)'!');
            await client.SendAsync(request[(i % request.Length)..]);
            Assert.Equal($"/{i}", (await client.ReadReplyAsync()).Text);
        }
    }

    private static async Task SendAsync(RawClient client, string part)
    {
        foreach (char next in part)
        {
            if (next == '!')
            {
                client.SendUrgent((byte)next);
            }
            else
            {
                await client.SendAsync($"{next}");
            }
        }
    }
}
