using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>Addresses for the cases of this folder.</summary>
internal static class EndPoints
{
    /// <summary>A fresh address; skips the case if the machine has none of the family.</summary>
    public static EndPoint Fresh(Family family)
    {
        switch (family)
        {
            case Family.IPv4:
                return TestServerSetup.FreeLoopbackPort;
            case Family.IPv6:
                IPv6.SkipIfMissing();
                return new IPEndPoint(IPAddress.IPv6Loopback, 0);
            default:
                return new UnixDomainSocketEndPoint(TemporarySocketPath());
        }
    }

    /// <summary>By their text: unnamed Unix endpoints are not equal to each other.</summary>
    public static bool Same(EndPoint? one, EndPoint? other)
        => string.Equals(one?.ToString(), other?.ToString(), StringComparison.Ordinal);

    public static string TemporarySocketPath() => Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
}
