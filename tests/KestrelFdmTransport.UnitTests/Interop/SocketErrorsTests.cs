using System;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using KestrelFdmTransport.Interop;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>
/// An error number becomes what <see cref="Socket"/> throws when the kernel answers it with the same number.
/// </summary>
public sealed class SocketErrorsTests
{
    [Fact]
    public void Connection_refused()
    {
        using Socket listener = Tcp();
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using Socket client = Tcp();

        AssertSame(Errno.ECONNREFUSED, () => client.Connect(listener.LocalEndPoint!));
    }

    [Fact]
    public void Address_in_use()
    {
        using Socket first = Tcp();
        first.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        first.Listen();
        using Socket second = Tcp();

        AssertSame(Errno.EADDRINUSE, () => second.Bind(first.LocalEndPoint!));
    }

    [Fact]
    public void Address_not_available()
    {
        using Socket socket = Tcp();

        // Reserved for documentation (RFC 5737): no machine has it.
        AssertSame(Errno.EADDRNOTAVAIL, () => socket.Bind(new IPEndPoint(IPAddress.Parse("203.0.113.77"), 0)));
    }

    [Fact]
    public void Connection_reset()
    {
        (Socket client, Socket server) = Connected();
        using (client)
        {
            server.LingerState = new LingerOption(enable: true, seconds: 0);
            server.Dispose();

            AssertSame(Errno.ECONNRESET, () => client.Receive(new byte[1]));
        }
    }

    [Fact]
    public void Broken_pipe()
    {
        (Socket client, Socket server) = Connected();
        using (client)
        using (server)
        {
            client.Shutdown(SocketShutdown.Send);

            AssertSame(Errno.EPIPE, () => client.Send([1]));
        }
    }

    [Fact]
    public void Would_block()
    {
        (Socket client, Socket server) = Connected();
        using (client)
        using (server)
        {
            client.Blocking = false;

            AssertSame(Errno.EAGAIN, () => client.Receive(new byte[1]));
        }
    }

    [Fact]
    public void Not_connected()
    {
        using Socket socket = Tcp();

        AssertSame(Errno.ENOTCONN, () => socket.Receive(new byte[1]));
    }

    [Fact]
    public void Message_too_long()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

        AssertSame(Errno.EMSGSIZE, () => socket.SendTo(new byte[70_000], new IPEndPoint(IPAddress.Loopback, 9)));
    }

    [Fact]
    public void Not_a_socket()
    {
        using var descriptor = new SafeFileDescriptor(Sys.CreateEventFd());

        using var socket = new Socket(new SafeSocketHandle(descriptor.Value, ownsHandle: false));

        AssertSame(Errno.ENOTSOCK, () => socket.Listen());
    }

    /// <summary>Socket's table is its own; what it is asked with is the number that the kernel answers.</summary>
    [Fact]
    public void Every_error_number_is_what_Socket_makes_of_it()
    {
        Assembly sockets = typeof(Socket).Assembly;
        MethodInfo toPortable = sockets.GetType("Interop+Sys", throwOnError: true)!
            .GetMethod("ConvertErrorPlatformToPal", BindingFlags.Static | BindingFlags.NonPublic, [typeof(int)])!;
        MethodInfo toSocketError = sockets.GetType("System.Net.Sockets.SocketErrorPal", throwOnError: true)!
            .GetMethod("GetSocketErrorForNativeError", BindingFlags.Static | BindingFlags.NonPublic)!;

        for (int errno = 0; errno <= 133; errno++)
        {
            object expected = toSocketError.Invoke(null, [toPortable.Invoke(null, [errno])])!;
            Assert.Equal((errno, (SocketError)expected), (errno, SocketErrors.FromErrno(errno)));
        }
    }

    [Fact]
    public void A_reset_and_a_broken_pipe_are_resets()
    {
        Assert.True(SocketErrors.IsReset(Errno.ECONNRESET));
        Assert.True(SocketErrors.IsReset(Errno.EPIPE));
        Assert.False(SocketErrors.IsReset(Errno.ETIMEDOUT));
        Assert.False(SocketErrors.IsReset(Errno.ECONNABORTED));
    }

    private static void AssertSame(int errno, Action provoke)
    {
        SocketException real = Assert.ThrowsAny<SocketException>(provoke);
        SocketException ours = SocketErrors.Exception(errno);

        Assert.Equal(real.SocketErrorCode, ours.SocketErrorCode);
        Assert.Equal(real.ErrorCode, ours.ErrorCode);
        Assert.StartsWith(ours.Message, real.Message, StringComparison.Ordinal);
    }

    private static Socket Tcp() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static (Socket Client, Socket Server) Connected()
    {
        using Socket listener = Tcp();
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Socket client = Tcp();
        client.Connect(listener.LocalEndPoint!);
        return (client, listener.Accept());
    }
}
