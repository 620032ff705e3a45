using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>
/// A request ends while a write waits for a client that does not read. Until RequestAborted has fired the handler takes
/// every write that succeeds for sent, so no more of them may succeed than on Sockets.
/// </summary>
/// <remarks>
/// The token's thread may lose its CPU at the wrong moment on any transport. So a case looks at several rounds on each,
/// and a few of this transport's may be worse than the worst on Sockets. A case that fails is tried again: a fault of
/// the order shows in most rounds of every attempt.
/// </remarks>
[Trait("Category", "Slow")]
public sealed class AbortOrderTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Rounds = 8;
    private const int Attempts = 3;

    /// <summary>
    /// Kestrel buffers this much itself, and some writes come between a token's state and its callbacks.
    /// </summary>
    private const int Few = 64;

    private static readonly TimeSpan s_gracePeriod = TimeSpan.FromSeconds(1.01);

    private readonly ITestOutputHelper _output = output;

    public static TheoryData<TransportKind, AbortProtocol, AbortSource, bool> Everything
    {
        get
        {
            var all = new TheoryData<TransportKind, AbortProtocol, AbortSource, bool>();
            foreach (TransportKind kind in OnFdm)
            {
                foreach (AbortProtocol protocol in Enum.GetValues<AbortProtocol>())
                {
                    foreach (AbortSource source in Enum.GetValues<AbortSource>().Where(
                        source => Exists(protocol, source)))
                    {
                        all.Add(kind, protocol, source, false);
                        if (source is AbortSource.HttpContextAbort or AbortSource.ClientFin or AbortSource.ClientReset)
                        {
                            all.Add(kind, protocol, source, true);
                        }
                    }
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Everything))]
    public async Task No_more_writes_succeed_before_the_request_is_aborted_than_on_Sockets(
        TransportKind transport,
        AbortProtocol protocol,
        AbortSource source,
        bool busy)
    {
        string seen = "";
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            // Kestrel looks once a second whether a client is too slow, so that both wait at the same time.
            Task<int[]> sockets = CountAsync(TransportKind.Sockets, protocol, source, busy);
            if (source != AbortSource.MinimumDataRate)
            {
                await sockets;
            }

            int[] actual = await CountAsync(transport, protocol, source, busy);
            int[] expected = await sockets;
            seen += $"{transport}: {string.Join(' ', actual)}; Sockets: {string.Join(' ', expected)}\n";
            if (actual[(Rounds - 1) * 3 / 4] <= Math.Max(Few, expected[^1]))
            {
                _output.WriteLine(seen);
                return;
            }
        }

        Assert.Fail($"Writes that succeeded:\n{seen}");
    }

    private static bool Exists(AbortProtocol protocol, AbortSource source) => source switch
    {
        AbortSource.ClientStreamReset => protocol == AbortProtocol.Http2,
        AbortSource.FeatureAbort or AbortSource.ConnectionAbortWithoutReason => protocol == AbortProtocol.Http1,
        AbortSource.MinimumDataRate => protocol != AbortProtocol.Http1OverTls,
        _ => true,
    };

    /// <summary>The counts of all rounds, sorted.</summary>
    private async Task<int[]> CountAsync(TransportKind transport, AbortProtocol protocol, AbortSource source, bool busy)
    {
        using X509Certificate2 certificate = SelfSignedCertificate.Create();
        Channel<WaitingWrite> writes = Channel.CreateUnbounded<WaitingWrite>();
        TestServer server = await StartAsync(
            transport,
            async context =>
            {
                var write = new WaitingWrite(context);
                writes.Writer.TryWrite(write);
                await write.RunAsync();
            },
            Setup(protocol, source, certificate));
        using BusyMachine? load = BusyMachine.StartIf(busy);

        // What the server ends, it ends for all connections at once.
        int together = source is AbortSource.HostStop or AbortSource.MinimumDataRate ? Rounds : 1;
        var counts = new List<int>();
        while (counts.Count < Rounds)
        {
            counts.AddRange(await EndAsync(server, writes.Reader, protocol, source, certificate, together));
        }

        return [.. counts.Order()];
    }

    private static async Task<IReadOnlyList<int>> EndAsync(
        TestServer server,
        ChannelReader<WaitingWrite> running,
        AbortProtocol protocol,
        AbortSource source,
        X509Certificate2 certificate,
        int count)
    {
        var clients = new List<AbortClient>();
        try
        {
            var writes = new List<WaitingWrite>();
            for (int i = 0; i < count; i++)
            {
                clients.Add(await AbortClient.StartAsync(protocol, server.EndPoint, certificate));
                WaitingWrite write = await running.ReadAsync().Within("a request");
                await Eventually.UntilAsync(write.WaitsStill);
                writes.Add(write);
            }

            switch (source)
            {
                case AbortSource.MinimumDataRate:
                    break;
                case AbortSource.HostStop:
                    _ = server.StopAsync();
                    break;
                case AbortSource.ClientFin or AbortSource.ClientReset or AbortSource.ClientStreamReset:
                    await clients[0].EndAsync(source);
                    break;
                default:
                    writes[0].Abort(source);
                    break;
            }

            await Task.WhenAll(writes.Select(write => write.EndedAsync()));
            return [.. writes.Select(write => write.SucceededSince)];
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    private static TestServerSetup Setup(AbortProtocol protocol, AbortSource source, X509Certificate2 certificate)
        => new()
        {
            Listen = options =>
            {
                options.Protocols = protocol == AbortProtocol.Http2 ? HttpProtocols.Http2 : HttpProtocols.Http1;
                options.Use(next => connection =>
                {
                    connection.Items[typeof(WaitingWrite)] = connection;
                    return next(connection);
                });
                if (protocol == AbortProtocol.Http1OverTls)
                {
                    options.UseHttps(certificate);
                }
            },
            Kestrel = kestrel =>
            {
                if (source == AbortSource.MinimumDataRate)
                {
                    kestrel.Limits.MinResponseDataRate =
                        new MinDataRate(bytesPerSecond: 1024 * 1024 * 1024, s_gracePeriod);
                }
            },
            ShutdownTimeout = source == AbortSource.HostStop ? TimeSpan.FromMilliseconds(50) : TimeSpan.FromSeconds(20),
            AbortsWhenStopping = source == AbortSource.HostStop,
        };
}
