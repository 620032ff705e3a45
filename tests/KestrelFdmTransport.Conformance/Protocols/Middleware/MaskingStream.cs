using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Protocols.Middleware;

/// <summary>Turns every bit of every byte, both ways.</summary>
internal sealed class MaskingStream(Stream inner) : WrappedStream(inner)
{
    public static void Mask(Span<byte> bytes)
    {
        foreach (ref byte one in bytes)
        {
            one ^= 0xff;
        }
    }

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer,
        CancellationToken cancellationToken = default)
    {
        byte[] masked = buffer.ToArray();
        Mask(masked);
        await Inner.WriteAsync(masked, cancellationToken);
    }

    protected override void OnRead(Span<byte> bytes) => Mask(bytes);
}
