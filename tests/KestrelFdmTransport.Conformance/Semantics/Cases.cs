using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>What theories run over, besides the transports.</summary>
internal static class Cases
{
    /// <summary>Every kind of transport with every value.</summary>
    public static TheoryData<TransportKind, T> Cross<T>(IEnumerable<object?[]> transports, IEnumerable<T> values)
    {
        var rows = new TheoryData<TransportKind, T>();
        foreach (TransportKind transport in transports.Select(row => (TransportKind)row[0]!))
        {
            foreach (T value in values)
            {
                rows.Add(transport, value);
            }
        }

        return rows;
    }

    /// <summary>A fresh address; skips the case if the machine has none of the family.</summary>
    public static EndPoint EndPointOf(Family family)
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
