using System.Collections.Generic;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;
using HelloFdm;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Protocols;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>The sample answers on the wire as it does in memory.</summary>
public sealed class SampleResponseTests(ITestOutputHelper output) : InMemoryOracleTest(output)
{
    // /loops is left out: what it reports is the transport itself.
    private static readonly IReadOnlyList<Exchange> s_exchanges =
    [
        Exchange.Get("/", Framing.Chunked),
        Exchange.Get("/json", Framing.Chunked),
        Exchange.Send(HttpMethod.Post, "/upload", Framing.Chunked, () => new PatternContent(300_000)),
        Exchange.Send(HttpMethod.Post, "/upload", Framing.Chunked, () => new ByteArrayContent([])),
        Exchange.Get("/upload", Framing.Empty),
        Exchange.Get("/download/0", Framing.Application),
        Exchange.Get("/download/1", Framing.Application),
        Exchange.Get("/download/100000", Framing.Application),
        Exchange.Get("/download/-1", Framing.Chunked),
        Exchange.Get("/download/many", Framing.Empty),
        Exchange.Get("/events?count=0", Framing.Empty),
        Exchange.Get("/events?count=2", Framing.Chunked),
        Exchange.Get("/events?count=-1", Framing.Chunked),
        Exchange.Get("/ws", Framing.Chunked),
        Exchange.Get("/missing", Framing.Empty),
        Exchange.Send(HttpMethod.Head, "/", Framing.Application),
    ];

    private static readonly ApplicationServerSetup s_setup = new()
    {
        Build = builder => builder.Services.AddSample(),
        Map = application => application.MapSample(),
    };

    [Theory, MemberData(nameof(OnBoth))]
    public Task The_sample_answers_over_HTTP_1_as_in_memory(TransportKind transport)
        => CompareAsync(transport, HttpVersion.Version11, s_exchanges, s_setup);

    [Theory, MemberData(nameof(OnBoth))]
    public Task The_sample_answers_over_HTTP_2_as_in_memory(TransportKind transport)
        => CompareAsync(transport, HttpVersion.Version20, s_exchanges, s_setup);
}
