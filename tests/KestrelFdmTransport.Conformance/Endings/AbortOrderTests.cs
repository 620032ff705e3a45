using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Linq;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Endings;

/// <summary>
/// Kestrel aborts a connection whose client does not read while the handler's write waits. The write must not go on before RequestAborted has
/// fired, or the handler takes everything that follows for sent, for as long as it takes until it has.
/// </summary>
/// <remarks>
/// On Sockets, too, the token's thread may lose its CPU at the wrong moment. So a case looks at many rounds, and at whether most of them are as
/// they should be. An abort by the connection itself is no case: there Sockets lets every other handler go on, for thousands of writes.
/// </remarks>
public sealed class AbortOrderTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Rounds = 15;

    /// <summary>Kestrel holds so much back for itself, and between a token's state and its callbacks there are some writes too.</summary>
    private const int Few = 100;

    private readonly ITestOutputHelper _output = output;

    public static TheoryData<TransportKind, string, bool> Everything
    {
        get
        {
            var all = new TheoryData<TransportKind, string, bool>();
            foreach (TransportKind kind in Transports.Main)
            {
                foreach (string how in new[] { "HttpContext.Abort", "IHttpRequestLifetimeFeature" })
                {
                    all.Add(kind, how, false);
                    all.Add(kind, how, true);
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Everything))]
    public async Task A_write_that_waits_does_not_go_on_before_the_request_is_aborted(TransportKind transport, string how, bool tls)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        var writes = new List<int>();
        var ended = new SemaphoreSlim(0);
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                writes.Add(await WriteUntilAbortedAsync(context, how));
                ended.Release();
            },
            new TestServerSetup
            {
                Listen = options =>
                {
                    if (tls)
                    {
                        options.UseHttps(certificate);
                    }
                },
            });

        for (int round = 0; round < Rounds; round++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 16 * 1024 };
            await socket.ConnectAsync(server.EndPoint).Within();
            System.IO.Stream stream = new NetworkStream(socket);
            if (tls)
            {
                var secure = new SslStream(stream, leaveInnerStreamOpen: false, (_, presented, _, _) => certificate.Equals(presented));
                await secure.AuthenticateAsClientAsync("localhost").Within();
                stream = secure;
            }

            await stream.WriteAsync(Encoding.ASCII.GetBytes(RawClient.Get("/"))).AsTask().Within();
            Assert.True(await ended.WaitAsync(Waiting.Limit), "The handler has not ended.");
        }

        _output.WriteLine($"{transport}, {how}, TLS {tls}: writes between abort and token: {string.Join(' ', writes.Order())}");
        Assert.True(writes.Order().ElementAt(Rounds / 2) <= Few, $"Writes that went on before the token: {string.Join(' ', writes.Order())}");
    }

    /// <summary>How many writes have succeeded since the abort, before the token's callbacks have run.</summary>
    private static async Task<int> WriteUntilAbortedAsync(HttpContext context, string how)
    {
        int writes = 0;
        bool aborted = false;
        var token = new Signal();
        using CancellationTokenRegistration registration = context.RequestAborted.Register(token.Set);
        byte[] chunk = new byte[1024];
        context.Response.ContentLength = long.MaxValue;
        Task<FlushResult> waiting;
        do
        {
            waiting = context.Response.BodyWriter.WriteAsync(chunk, context.RequestAborted).AsTask();
        }
        while (waiting.IsCompleted || await IsShortAsync(waiting));

        Task writing = Task.Run(async () =>
        {
            try
            {
                await waiting;
                while (!token.Task.IsCompleted)
                {
                    if (Volatile.Read(ref aborted))
                    {
                        writes++;
                    }

                    await context.Response.BodyWriter.WriteAsync(chunk, context.RequestAborted);
                }
            }
            catch (OperationCanceledException)
            {
                // Aborted, as it should be.
            }
        });
        Volatile.Write(ref aborted, true);
        Abort(context, how);
        await writing.Within("the end of writing");
        await token.Task.Within("RequestAborted");
        return writes;
    }

    /// <summary>True for a write that has only let others run first.</summary>
    private static async Task<bool> IsShortAsync(Task write) => await Task.WhenAny(write, Task.Delay(TimeSpan.FromMilliseconds(100))) == write;

    private static void Abort(HttpContext context, string how)
    {
        if (how.StartsWith("HttpContext", StringComparison.Ordinal))
        {
            context.Abort();
        }
        else
        {
            context.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
        }
    }
}
