using System;
using System.Globalization;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Limits;

/// <summary>Kestrel's own limits of buffers at their extremes: served or refused as on Sockets.</summary>
[Trait("Category", "Slow")]
public sealed class KestrelBufferLimitTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Length = 300_000;
    private const int ShortestRequest = 64;

    public static TheoryData<TransportKind, long?, long?> Limits
    {
        get
        {
            var limits = new TheoryData<TransportKind, long?, long?>();
            foreach (TransportKind transport in Transports.Main)
            {
                foreach (long? request in new long?[] { null, 0, 1, ShortestRequest, long.MaxValue })
                {
                    foreach (long? response in new long?[] { null, 0, 1, long.MaxValue })
                    {
                        limits.Add(transport, request, response);
                    }
                }
            }

            return limits;
        }
    }

    [Theory, MemberData(nameof(Limits))]
    public async Task A_body_goes_both_ways_unless_Kestrel_refuses_the_limit(
        TransportKind transport, long? request, long? response)
    {
        bool isRefused = request is 0 or 1;
        var setup = new TestServerSetup
        {
            Kestrel = kestrel =>
            {
                Shorten(kestrel, request);
                kestrel.Limits.MaxRequestBufferSize = request;
                kestrel.Limits.MaxResponseBufferSize = response;
            },
        };
        if (isRefused)
        {
            Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(transport, EchoAsync, setup));
            Assert.True(refused is ArgumentOutOfRangeException or InvalidOperationException, refused.ToString());
            return;
        }

        TestServer server = await StartAsync(transport, EchoAsync, setup);
        using RawClient client = await server.ConnectAsync();
        await client.SendAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Length}\r\n\r\n"));
        Task sent = client.SendAsync(new byte[Length]);
        HttpReply reply = await client.ReadReplyAsync();
        await sent.Within();

        Assert.Equal((200, Length), (reply.Status, reply.Body.Length));
    }

    /// <summary>A request's head has to fit.</summary>
    private static void Shorten(KestrelServerOptions kestrel, long? request)
    {
        if (request is ShortestRequest)
        {
            kestrel.Limits.MaxRequestLineSize = ShortestRequest;
            kestrel.Limits.MaxRequestHeadersTotalSize = ShortestRequest;
        }
    }

    private static async Task EchoAsync(HttpContext context)
    {
        context.Response.ContentLength = context.Request.ContentLength;
        await context.Request.Body.CopyToAsync(context.Response.Body);
    }
}
