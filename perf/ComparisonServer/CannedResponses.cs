using System;

namespace KestrelFdmTransport.ComparisonServer;

internal static class CannedResponses
{
    internal static readonly byte[] Body = "Hello, World!"u8.ToArray();

    /// <summary>What a download sends.</summary>
    internal static readonly byte[] Megabyte = new byte[1024 * 1024];

    /// <summary>A gRPC message: not compressed, 32 bytes long.</summary>
    internal static readonly byte[] Message = [0, 0, 0, 0, 32, .. new byte[32]];

    internal static ReadOnlySpan<byte> Whole
        => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"u8;
}
