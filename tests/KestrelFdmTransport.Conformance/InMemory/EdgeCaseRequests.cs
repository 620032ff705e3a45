using System.Collections.Generic;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;

namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>The requests to <see cref="EdgeCaseApplication"/>.</summary>
internal static class EdgeCaseRequests
{
    public static IReadOnlyList<Exchange> Exchanges { get; } =
    [
        Exchange.Get("/status?code=200", Framing.Empty),
        Exchange.Get("/status?code=201", Framing.Empty),
        Exchange.Get("/status?code=204", Framing.Application),
        Exchange.Get("/status?code=205", Framing.Empty),
        Exchange.Get("/status?code=304", Framing.Application),
        Exchange.Get("/status?code=404", Framing.Empty),
        Exchange.Get("/status?code=418", Framing.Empty),
        Exchange.Get("/status?code=500", Framing.Empty),
        Exchange.Get("/status?code=503", Framing.Empty),
        Exchange.Get("/length", Framing.Application),
        Exchange.Get("/zero", Framing.Application),
        Exchange.Get("/chunks", Framing.Chunked),
        Exchange.Get("/begun", Framing.Chunked),
        Exchange.Get("/unicode", Framing.Chunked),
        Exchange.Get("/cookies", Framing.Empty),
        Exchange.Get("/headers", Framing.Chunked),
        Exchange.Get("/redirect", Framing.Empty),
        Exchange.Get("/not-modified", Framing.Application),
        Exchange.Get("/callbacks", Framing.Chunked),
        Exchange.Get("/handled", Framing.Chunked),
        Exchange.Get("/break", Framing.Chunked),
        Exchange.Get("/", Framing.Chunked),
        Exchange.Get("/missing/%E6%BC%A2%20%2F%25?q=%20+%C5%BE&q=2#fragment", Framing.Chunked),
        Exchange.Get("/echo?a=1&b=%C5%BE&a=2&empty=&none", Framing.Chunked),
        Exchange.Send(HttpMethod.Head, "/length", Framing.Application),
        Exchange.Send(HttpMethod.Head, "/headers", Framing.Application),
        Exchange.Send(HttpMethod.Head, "/zero", Framing.Application),
        Exchange.Send(HttpMethod.Head, "/status?code=404", Framing.Application),
        Exchange.Send(HttpMethod.Options, "/echo", Framing.Chunked),
        Exchange.Send(HttpMethod.Delete, "/echo", Framing.Chunked),
        Exchange.Send(new HttpMethod("CUSTOM"), "/echo", Framing.Chunked, () => new StringContent("custom")),
        Exchange.Send(
            HttpMethod.Post, "/echo", Framing.Chunked, () => new StringContent("žluť", Encoding.UTF8, "text/plain")),
        Exchange.Send(HttpMethod.Post, "/echo", Framing.Chunked, () => new ByteArrayContent([])),
        Exchange.Send(HttpMethod.Put, "/echo", Framing.Chunked, () => new StringContent(new string('x', 200_000))),
        new("GET /echo with headers", Framing.Chunked, CreateRequestWithHeaders),
    ];

    private static HttpRequestMessage CreateRequestWithHeaders()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/echo");
        request.Headers.Add("Cookie", "a=1; b=2");
        request.Headers.Add("X-Many", ["one", "two"]);
        request.Headers.Add("X-Long", new string('v', 4000));
        request.Headers.TryAddWithoutValidation("X-Comma", "a, \"b, c\"");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("awkward", "1.0"));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/plain", 0.5));
        return request;
    }
}
