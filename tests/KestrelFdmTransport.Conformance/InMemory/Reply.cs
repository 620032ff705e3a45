using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Tasks;
using Microsoft.AspNetCore.WebUtilities;
using Xunit;

namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>One response, header by header.</summary>
internal sealed class Reply
{
    private const string BrokenBody = "broken off";

    private readonly SortedDictionary<string, string[]> _headers = new(StringComparer.OrdinalIgnoreCase);
    private readonly HttpStatusCode _status;
    private readonly string? _reason;
    private string _body;

    private Reply(HttpResponseMessage response, string body, Version version)
    {
        _status = response.StatusCode;
        _reason = response.ReasonPhrase;
        _body = body;
        foreach (HttpHeadersNonValidated headers
            in new[] { response.Headers.NonValidated, response.Content.Headers.NonValidated })
        {
            foreach ((string name, HeaderStringValues values) in headers)
            {
                // HTTP/2 has no upper case in names.
                _headers.Add(version == HttpVersion.Version20 ? name.ToLowerInvariant() : name, [.. values]);
            }
        }
    }

    public static async Task<Reply> GetAsync(HttpMessageInvoker client, Uri address, Exchange exchange, Version version)
    {
        using HttpRequestMessage request = exchange.CreateRequest();
        request.RequestUri = new Uri(address, request.RequestUri!);
        request.Headers.Host = "test";
        request.Version = version;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        using HttpResponseMessage response = await client.SendAsync(request, default).Within(exchange.Name);
        string body;
        try
        {
            body = Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync().Within(exchange.Name));
        }
        catch (HttpRequestException)
        {
            body = BrokenBody;
        }

        return new Reply(response, body, version);
    }

    /// <summary>
    /// Checks, and takes away, what only a server with a wire adds; anything else that it adds stays and is a
    /// difference.
    /// </summary>
    public void RemoveWhatTheWireAdds(Framing framing, Version version)
    {
        if (version == HttpVersion.Version11)
        {
            Assert.Equal(ReasonPhrases.GetReasonPhrase((int)_status), _reason);
        }

        Assert.Equal("Kestrel", Take("Server"));
        Assert.True(
            DateTime.TryParseExact(Take("Date"), "r", CultureInfo.InvariantCulture, DateTimeStyles.None, out _));
        switch (framing)
        {
            case Framing.Empty:
                Assert.Equal("0", Take("Content-Length"));
                break;
            // In HTTP/2 the end of the stream is the end of the body.
            case Framing.Chunked when version == HttpVersion.Version11:
                Assert.Equal("chunked", Take("Transfer-Encoding"));
                break;
        }
    }

    /// <summary>
    /// In memory a HEAD brings the body that the application has written; a server with a wire holds it back.
    /// </summary>
    public void RemoveBody() => _body = "";

    public override string ToString()
    {
        IEnumerable<string> headers = _headers.SelectMany(
            header => header.Value.Select(value => $"{header.Key}: {value}"));
        return $"{(int)_status}\n{string.Join('\n', headers)}\n\n{_body}";
    }

    private string Take(string name)
    {
        Assert.True(_headers.Remove(name, out string[]? values), $"{name} is missing in {this}");
        return Assert.Single(values);
    }
}
