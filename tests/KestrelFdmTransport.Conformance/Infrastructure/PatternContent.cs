using System.IO;
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>A request body of the first bytes of the pattern.</summary>
internal sealed class PatternContent(long length) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => Handlers.WritePatternAsync(stream, length);

    protected override bool TryComputeLength(out long computed)
    {
        computed = length;
        return true;
    }
}
