using System;

namespace KestrelFdmTransport.ComparisonServer;

internal static class CannedResponses
{
    internal static readonly byte[] Body = "Hello, World!"u8.ToArray();

    /// <summary>What a download sends.</summary>
    internal static readonly byte[] Megabyte = new byte[1024 * 1024];

    internal static ReadOnlySpan<byte> Whole
        => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"u8;
}
