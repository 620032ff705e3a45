using System;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols;
using Microsoft.AspNetCore.Builder;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>Awkward responses are on the wire what they are in memory.</summary>
public sealed class EdgeCaseResponseTests(ITestOutputHelper output) : InMemoryOracleTest(output)
{
    private static readonly ApplicationServerSetup s_setup = new()
    {
        Map = EdgeCaseApplication.Map,
        ExpectedErrors = ["UnhandledException", "ApplicationError"],
    };

    [Theory, MemberData(nameof(OnAll))]
    public Task Responses_of_HTTP_1_are_what_they_are_in_memory(TransportKind transport)
        => CompareAsync(transport, HttpVersion.Version11, EdgeCaseRequests.Exchanges, s_setup);

    [Theory, MemberData(nameof(OnBoth))]
    public Task Responses_of_HTTP_2_are_what_they_are_in_memory(TransportKind transport)
        => CompareAsync(transport, HttpVersion.Version20, EdgeCaseRequests.Exchanges, s_setup);

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_unhandled_exception_is_thrown_in_memory_and_an_empty_500_on_the_wire(
        TransportKind transport)
    {
        var setup = new ApplicationServerSetup
        {
            Map = application => application.Run(_ => throw new InvalidOperationException(EdgeCaseApplication.Failure)),
            ExpectedErrors = ["ApplicationError"],
        };
        var exchange = Exchange.Get("/", Framing.Empty);
        ApplicationServer memory = await StartAsync(transport: null, setup);
        using var inMemory = new HttpMessageInvoker(memory.CreateInMemoryHandler());
        InvalidOperationException thrown = await Assert.ThrowsAsync<InvalidOperationException>(
            () => Reply.GetAsync(inMemory, new Uri("http://test"), exchange, HttpVersion.Version11));
        Assert.Equal(EdgeCaseApplication.Failure, thrown.Message);

        ApplicationServer wire = await StartAsync(transport, setup);
        using var onTheWire = new HttpMessageInvoker(new SocketsHttpHandler());
        Reply reply =
            await Reply.GetAsync(onTheWire, new Uri($"http://{wire.EndPoint}"), exchange, HttpVersion.Version11);
        reply.RemoveWhatTheWireAdds(exchange.Framing, HttpVersion.Version11);
        Assert.Equal("500\n\n\n", reply.ToString());
    }
}
