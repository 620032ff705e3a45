using System.Net;
using System.Net.Sockets;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>Ports for what cannot be bound dynamically.</summary>
public static class FreePorts
{
    /// <summary>A port without a listener, on either loopback address.</summary>
    public static int InBothFamilies()
    {
        while (true)
        {
            using var four = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            four.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            int port = ((IPEndPoint)four.LocalEndPoint!).Port;
            try
            {
                using var six = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
                six.Bind(new IPEndPoint(IPAddress.IPv6Loopback, port));
                return port;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Another one, then.
            }
        }
    }
}
