using System;
using System.Globalization;
using System.Text;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <param name="Path">What is asked for.</param>
/// <param name="BodyLength">More than none makes it a POST.</param>
/// <param name="Close">Each request has a connection of its own.</param>
internal sealed record Request(string Path = "/", int BodyLength = 0, bool Close = false)
{
    /// <summary>The C server knows no more than these.</summary>
    internal bool IsPlainOrComputes => Path is "/" || Path.StartsWith("/compute/", StringComparison.Ordinal);

    internal string Method => BodyLength > 0 ? "POST" : "GET";

    /// <summary>As often as are to be in flight on one connection.</summary>
    internal byte[] ToBytes(int depth = 1)
    {
        string length =
            BodyLength > 0 ? string.Create(CultureInfo.InvariantCulture, $"Content-Length: {BodyLength}\r\n") : "";
        string one = $"{Method} {Path} HTTP/1.1\r\nHost: "
            + $"127.0.0.1\r\n{length}{(Close ? "Connection: close\r\n" : "")}\r\n{new string('x', BodyLength)}";
        var all = new StringBuilder();
        for (int i = 0; i < depth; i++)
        {
            all.Append(one);
        }

        return Encoding.ASCII.GetBytes(all.ToString());
    }
}
