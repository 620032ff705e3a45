using System;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Http2;

/// <summary>How the server parts with clients that break the rules of HTTP/2, down to FIN or RST.</summary>
public sealed class Http2ErrorTests(ITestOutputHelper output) : OracleTest(output)
{
    [Theory, MemberData(nameof(OnFdm))]
    public Task Data_without_a_stream_is_answered_with_GOAWAY_and_the_end(TransportKind candidate)
        => CompareErrorAsync(candidate, client => client.SendDataAsync(0, new byte[8], isLast: false));

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_frame_beyond_the_size_limit_is_answered_with_GOAWAY_and_the_end(TransportKind candidate)
        => CompareErrorAsync(candidate, client => client.SendAsync(Http2FrameType.Ping, 0, 0, new byte[9]));

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_window_beyond_its_maximum_is_answered_with_GOAWAY_and_the_end(TransportKind candidate)
        => CompareErrorAsync(candidate, client => client.SendWindowUpdateAsync(0, int.MaxValue));

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_header_block_that_cannot_be_decoded_is_answered_with_GOAWAY_and_the_end(TransportKind candidate)
        => CompareErrorAsync(
            candidate,
            client => client.SendAsync(
                Http2FrameType.Headers, Http2Frame.EndHeaders, 1, new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }));

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_request_of_HTTP_1_on_a_port_of_HTTP_2_alone_is_refused(TransportKind candidate)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            TestServer server = await StartHttp2Async(transport);
            using RawClient client = await server.ConnectAsync();
            await client.SendAsync(RawClient.Get("/"));
            await transcript.StepAsync(
                "client", "reply", async () => Convert.ToHexString(await client.ReadToEndAsync()));
            await server.StopAsync().Within();
            transcript.AddLog(server.Logs);
        });
    }

    private async Task CompareErrorAsync(TransportKind candidate, Func<Http2RawClient, Task> offend)
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            TestServer server = await StartHttp2Async(transport);
            using Http2RawClient client = await Http2RawClient.ConnectAsync(server.EndPoint);
            using Http2RawClient witness = await Http2RawClient.ConnectAsync(server.EndPoint);

            await offend(client);
            foreach (Http2Frame frame in await client.ReadToEndAsync())
            {
                transcript.Add("client", frame.ToString());
            }

            transcript.Add("client", "FIN");
            await witness.SendRequestAsync(1, "/");
            await witness.ReadUntilAsync(frame => frame.EndsStream);
            await server.StopAsync().Within();
            transcript.AddLog(server.Logs);
            Assert.Contains("GOAWAY", transcript.ToString(), StringComparison.Ordinal);
        });
    }

    private Task<TestServer> StartHttp2Async(TransportKind transport) => StartAsync(
        transport,
        context => context.Response.WriteAsync("hello"),
        new TestServerSetup { Listen = options => options.Protocols = HttpProtocols.Http2 });
}
