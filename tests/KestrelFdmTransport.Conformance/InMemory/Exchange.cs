using System;
using System.Net.Http;

namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>A request, made anew each time it is sent, and how the server frames the response.</summary>
internal sealed record Exchange(string Name, Framing Framing, Func<HttpRequestMessage> CreateRequest)
{
    public static Exchange Get(string path, Framing framing)
        => new($"GET {path}", framing, () => new HttpRequestMessage(HttpMethod.Get, path));

    public static Exchange Send(HttpMethod method, string path, Framing framing, Func<HttpContent>? content = null)
        => new($"{method} {path}", framing, () => new HttpRequestMessage(method, path) { Content = content?.Invoke() });
}
