using System.IO;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Protocols.Http2;

/// <summary>A request body that the case writes while it reads the response.</summary>
internal sealed class DuplexContent : HttpContent
{
    private readonly Signal<Stream> _stream = new();
    private readonly Signal _complete = new();

    public Task<Stream> OpenAsync() => _stream.Task.Within("the begin of the request body");

    public void Complete() => _complete.Set();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        // The headers must not wait for the first write.
        await stream.FlushAsync();
        _stream.Set(stream);
        await _complete.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        _complete.Set();
        base.Dispose(disposing);
    }
}
