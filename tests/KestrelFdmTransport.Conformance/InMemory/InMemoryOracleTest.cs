using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>
/// Sends the same requests to one application in memory and on a wire; the responses have to be equal.
/// </summary>
public abstract class InMemoryOracleTest(ITestOutputHelper output) : TransportTest(output)
{
    private protected async Task CompareAsync(
        TransportKind transport,
        Version version,
        IReadOnlyList<Exchange> exchanges,
        ApplicationServerSetup setup)
    {
        ApplicationServer memory = await StartAsync(transport: null, setup);
        ApplicationServer wire = await StartAsync(transport, setup with
        {
            Listen = options
                => options.Protocols = version == HttpVersion.Version11 ? HttpProtocols.Http1 : HttpProtocols.Http2,
        });
        using var inMemory = new HttpMessageInvoker(memory.CreateInMemoryHandler());
        using var onTheWire = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
        });
        var memoryAddress = new Uri("http://test");
        var wireAddress = new Uri($"http://{wire.EndPoint}");

        foreach (Exchange exchange in exchanges)
        {
            Reply expected = await Reply.GetAsync(inMemory, memoryAddress, exchange, version);
            Reply actual = await Reply.GetAsync(onTheWire, wireAddress, exchange, version);
            actual.RemoveWhatTheWireAdds(exchange.Framing, version);
            if (exchange.Name.StartsWith("HEAD ", StringComparison.Ordinal))
            {
                expected.RemoveBody();
            }

            Assert.Equal($"{exchange.Name}\n{expected}", $"{exchange.Name}\n{actual}");
        }
    }

    private protected async Task<ApplicationServer> StartAsync(TransportKind? transport, ApplicationServerSetup setup)
    {
        ApplicationServer server = await ApplicationServer.StartAsync(transport, setup);
        CheckAfterwards(server, server.Logs);
        return server;
    }
}
