using System.Net;
using System.Net.Sockets;
using Xunit;

namespace KestrelFdmTransport.Conformance.Infrastructure;

internal static class IPv6
{
    public static void SkipIfMissing()
    {
        try
        {
            using var probe = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        }
        catch (SocketException exception)
        {
            Skip.If(true, $"This machine has no IPv6 loopback: {exception.Message}");
        }
    }
}
