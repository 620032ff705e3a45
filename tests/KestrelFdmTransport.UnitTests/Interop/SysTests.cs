using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>The convention: what the kernel returned, or the negated error number; nothing throws.</summary>
public sealed class SysTests
{
    [Fact]
    public void Closing_gives_zero_or_the_negated_error()
    {
        int descriptor = Sys.CreateEventFd();
        Assert.True(descriptor >= 0);

        Assert.Equal(0, Sys.Close(descriptor));
        Assert.Equal(-Errno.EBADF, Sys.Close(-1));
    }

    [Theory]
    [InlineData(Architecture.X64, 0x541B)]
    [InlineData(Architecture.Arm64, 0x541B)]
    [InlineData(Architecture.S390x, 0x541B)]
    [InlineData(Architecture.Ppc64le, 0x4004667F)]
    public void The_question_for_bytes_that_wait_has_the_number_of_its_architecture(
        Architecture architecture,
        uint number)
        => Assert.Equal(number, Sys.IoctlBytesReadable(architecture));

    [Fact]
    public void Receiving_gives_the_count_or_zero_at_the_end_or_the_negated_error()
    {
        using var pair = new SocketPair();
        byte[] buffer = new byte[8];
        Assert.Equal(-Errno.EAGAIN, Sys.Receive(pair.Near.Value, buffer));

        Sys.Send(pair.Far.Value, [1, 2, 3]);
        Assert.Equal(3, Sys.Receive(pair.Near.Value, buffer));
        Assert.Equal([1, 2, 3, 0], buffer[..4]);

        pair.Far.Dispose();
        Assert.Equal(0, Sys.Receive(pair.Near.Value, buffer));
        Assert.Equal(-Errno.EBADF, Sys.Receive(-1, buffer));
    }

    [Fact]
    public void Sending_to_a_peer_that_is_gone_raises_no_signal()
    {
        using var pair = new SocketPair();
        pair.Far.Dispose();

        Assert.Equal(-Errno.EPIPE, Sys.Send(pair.Near.Value, [1]));
    }

    [Fact]
    public void Sending_never_blocks()
    {
        using var pair = new SocketPair();
        byte[] much = new byte[1 << 20];
        int result;
        do
        {
            result = Sys.Send(pair.Near.Value, much);
        }
        while (result > 0);

        Assert.Equal(-Errno.EAGAIN, result);
    }

    [Fact]
    public unsafe void Sending_from_several_places_keeps_their_order()
    {
        using var pair = new SocketPair();
        byte* bytes = stackalloc byte[] { 1, 2, 3, 4, 5 };
        IoVector* vectors = stackalloc IoVector[3];
        vectors[0] = new IoVector { Base = bytes + 3, Length = 2 };
        vectors[1] = new IoVector { Base = bytes, Length = 0 };
        vectors[2] = new IoVector { Base = bytes, Length = 3 };

        Assert.Equal(5, Sys.Send(pair.Near.Value, vectors, 3));

        byte[] buffer = new byte[8];
        Assert.Equal(5, Sys.Receive(pair.Far.Value, buffer));
        Assert.Equal([4, 5, 1, 2, 3], buffer[..5]);
        pair.Far.Dispose();
        Assert.Equal(-Errno.EPIPE, Sys.Send(pair.Near.Value, vectors, 3));
    }

    [Fact]
    public unsafe void Accepting_without_a_waiting_client_gives_the_negated_error()
    {
        using var listener =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.Equal(-Errno.EINVAL, Sys.Accept((int)listener.Handle, null, null));

        listener.Listen();
        Assert.Equal(-Errno.EAGAIN, Sys.Accept((int)listener.Handle, null, null));
    }

    [Fact]
    public void The_bytes_that_wait_are_counted()
    {
        using var pair = new SocketPair();
        Assert.Equal(0, Sys.BytesAvailable(pair.Near.Value));

        Sys.Send(pair.Far.Value, [1, 2, 3]);

        Assert.Equal(3, Sys.BytesAvailable(pair.Near.Value));
        Assert.Equal(-Errno.EBADF, Sys.BytesAvailable(-1));
    }

    [Fact]
    public void A_duplicate_lives_on_its_own()
    {
        using var pair = new SocketPair();
        using var duplicate = new SafeFileDescriptor(Sys.Duplicate(pair.Near.Value));
        Assert.NotEqual(pair.Near.Value, duplicate.Value);

        pair.Near.Dispose();

        Assert.Equal(1, Sys.Send(duplicate.Value, [1]));
        Assert.Equal(1, Sys.Receive(pair.Far.Value, new byte[2]));
    }

    [Fact]
    public void A_shutdown_is_the_end_for_both_sides_and_keeps_the_descriptor()
    {
        using var pair = new SocketPair();

        Assert.Equal(0, Sys.Shutdown(pair.Near.Value));

        Assert.Equal(0, Sys.Receive(pair.Far.Value, new byte[1]));
        Assert.Equal(-Errno.EPIPE, Sys.Send(pair.Far.Value, [1]));
        Assert.Equal(0, Sys.Receive(pair.Near.Value, new byte[1]));
    }

    [Fact]
    public void A_reset_reaches_the_peer_and_keeps_the_descriptor()
    {
        (Socket client, SafeFileDescriptor server) = Connected();
        using (client)
        using (server)
        {
            Assert.Equal(0, Sys.ResetConnection(server.Value));

            Assert.Equal(-Errno.ECONNRESET, Sys.Receive((int)client.Handle, new byte[1]));
            Assert.Equal(-Errno.ECONNRESET, Sys.Receive(server.Value, new byte[1]));
            Assert.Equal(-Errno.ENOTCONN, Sys.Receive(server.Value, new byte[1]));
        }
    }

    [Fact]
    public void A_connection_that_does_not_linger_is_reset_when_it_is_closed()
    {
        (Socket client, SafeFileDescriptor server) = Connected();
        using (client)
        {
            Assert.Equal(0, SocketOptions.SetZeroLinger(server.Value));
            server.Dispose();

            Assert.Equal(-Errno.ECONNRESET, Sys.Receive((int)client.Handle, new byte[1]));
        }
    }

    private static unsafe (Socket Client, SafeFileDescriptor Server) Connected()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        return (client, new SafeFileDescriptor(Sys.Accept((int)listener.Handle, null, null)));
    }
}
