using System;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Samples.Tests;

public sealed partial class OrleansClusterTests
{
    [Fact]
    public async Task Silos_and_client_talk_over_the_loops()
    {
        string[] printed = await SampleProcess.RunAsync("OrleansCluster", "--port", FourFreePorts());

        Assert.Equal("32 grains on the silos one and two have the sum 528.", printed[0]);
        Match connections = Connections().Match(printed[1]);
        Assert.True(connections.Success, printed[1]);
        foreach (string host in (string[])["one", "two", "client"])
        {
            Assert.NotEqual(0, int.Parse(connections.Groups[host].Value, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The first of four ports in a row, because Orleans binds no port of 0.</summary>
    private static string FourFreePorts()
    {
        while (true)
        {
            using Socket first = Bound(0);
            int port = ((IPEndPoint)first.LocalEndPoint!).Port;
            try
            {
                using Socket second = Bound(port + 1);
                using Socket third = Bound(port + 2);
                using Socket fourth = Bound(port + 3);
                return port.ToString(CultureInfo.InvariantCulture);
            }
            catch (Exception exception) when (exception is SocketException or ArgumentOutOfRangeException)
            {
                // Others, then.
            }
        }
    }

    private static Socket Bound(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [GeneratedRegex(
        "on the loops: (?<one>\\d+) of silo one, (?<two>\\d+) of silo two, (?<client>\\d+) of the client",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Connections();
}
