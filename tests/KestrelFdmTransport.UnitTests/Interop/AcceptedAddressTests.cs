using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Interop;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>
/// The addresses of accepted connections, as the kernel gives them, against what <see cref="Socket"/> makes of them.
/// </summary>
public sealed class AcceptedAddressTests
{
    [Fact]
    public void Ipv4() => AssertLikeSocket(new IPEndPoint(IPAddress.Loopback, 0), client: null);

    [SkippableFact]
    public void Ipv6()
    {
        Skip.IfNot(Socket.OSSupportsIPv6, "This machine has no IPv6.");
        AssertLikeSocket(new IPEndPoint(IPAddress.IPv6Loopback, 0), client: null);
    }

    [SkippableFact]
    public void Ipv4_on_a_socket_for_both()
    {
        Skip.IfNot(Socket.OSSupportsIPv6, "This machine has no IPv6.");
        using var listener =
            new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        listener.Listen();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port);

        (EndPoint? local, EndPoint? remote) = AssertLikeSocket(listener);

        Assert.True(((IPEndPoint)local!).Address.IsIPv4MappedToIPv6);
        Assert.True(((IPEndPoint)remote!).Address.IsIPv4MappedToIPv6);
    }

    [Fact]
    public void Unix_with_a_client_that_has_no_name() => AssertLikeSocket(FreePath(), client: null);

    [Fact]
    public void Unix_with_a_client_that_has_a_path() => AssertLikeSocket(FreePath(), FreePath());

    [Fact]
    public void Unix_in_the_abstract_name_space() => AssertLikeSocket(FreeAbstractName(), FreeAbstractName());

    [Fact]
    public void Unix_with_the_longest_path()
    {
        string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
        path += new string('x', 107 - path.Length);
        AssertLikeSocket(new UnixDomainSocketEndPoint(path), client: null);
    }

    private static UnixDomainSocketEndPoint FreePath()
        => new(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N")));

    private static UnixDomainSocketEndPoint FreeAbstractName() => new("\0" + Guid.NewGuid().ToString("N"));

    private static void AssertLikeSocket(EndPoint endPoint, EndPoint? client)
    {
        using Socket listener = New(endPoint.AddressFamily);
        using Socket connecting = New(endPoint.AddressFamily);
        try
        {
            listener.Bind(endPoint);
            listener.Listen();
            if (client is not null)
            {
                connecting.Bind(client);
            }

            connecting.Connect(listener.LocalEndPoint!);
            AssertLikeSocket(listener);
        }
        finally
        {
            Delete(endPoint);
            Delete(client);
        }
    }

    private static unsafe (EndPoint? Local, EndPoint? Remote) AssertLikeSocket(Socket listener)
    {
        byte* address = stackalloc byte[Sys.AddressCapacity];
        int length = Sys.AddressCapacity;
        int descriptor = Sys.Accept((int)listener.Handle, address, &length);
        Assert.True(descriptor >= 0);
        using var accepted = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        CompactSocketAddress remote = CompactSocketAddress.Parse(new ReadOnlySpan<byte>(address, length));
        length = Sys.AddressCapacity;
        Assert.Equal(0, Sys.LocalAddress(descriptor, address, &length));
        CompactSocketAddress local = CompactSocketAddress.Parse(new ReadOnlySpan<byte>(address, length));

        AssertEqual(accepted.RemoteEndPoint, remote.ToEndPoint());
        AssertEqual(accepted.LocalEndPoint, local.ToEndPoint());
        return (local.ToEndPoint(), remote.ToEndPoint());
    }

    private static void AssertEqual(EndPoint? expected, EndPoint? actual)
    {
        Assert.Equal(expected, actual);
        Assert.Equal(expected?.ToString(), actual?.ToString());
        Assert.Equal(expected?.Serialize(), actual?.Serialize());
    }

    private static Socket New(AddressFamily family)
        => new(family, SocketType.Stream, family == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);

    private static void Delete(EndPoint? endPoint)
    {
        if (endPoint is UnixDomainSocketEndPoint unix && Path.IsPathRooted(unix.ToString()))
        {
            File.Delete(unix.ToString());
        }
    }
}
