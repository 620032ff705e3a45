using System;
using System.IO;
using System.Net.Http;
using System.Text.Json;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>A viewer that reads the server-sent events of a dashboard.</summary>
internal sealed class EventReader : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _reader;

    private EventReader(HttpResponseMessage response, Stream stream)
    {
        _response = response;
        _reader = new StreamReader(stream);
    }

    public static async Task<EventReader> OpenAsync(HttpClient client, string url = "/fdm/events")
    {
        HttpResponseMessage response = await client.GetAsync(url, HttpCompletionOption.ResponseHeadersRead).Within();
        response.EnsureSuccessStatusCode();
        return new EventReader(response, await response.Content.ReadAsStreamAsync());
    }

    /// <summary>Null at the end of the stream.</summary>
    public async Task<JsonElement?> NextAsync()
    {
        const string Field = "data: ";
        while (await _reader.ReadLineAsync().Within() is { } line)
        {
            if (line.StartsWith(Field, StringComparison.Ordinal))
            {
                using var document = JsonDocument.Parse(line[Field.Length..]);
                return document.RootElement.Clone();
            }
        }

        return null;
    }

    /// <summary>Reads on until an event is as it should be.</summary>
    public async Task<JsonElement> NextAsync(Func<JsonElement, bool> condition)
    {
        while (true)
        {
            JsonElement report = await NextAsync() ?? throw new EndOfStreamException();
            if (condition(report))
            {
                return report;
            }
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _response.Dispose();
    }
}
