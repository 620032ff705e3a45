using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Protocols.Tls;

/// <summary>Sends every byte by itself.</summary>
internal sealed class DribblingStream(Stream inner) : WrappedStream(inner)
{
    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer,
        CancellationToken cancellationToken = default)
    {
        for (int i = 0; i < buffer.Length; i++)
        {
            await Inner.WriteAsync(buffer.Slice(i, 1), cancellationToken);
        }
    }
}
