using System;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Interop;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>
/// Addresses as .NET writes them into a <c>sockaddr</c>; <see cref="AcceptedAddressTests"/> has the kernel's.
/// </summary>
public sealed class CompactSocketAddressTests
{
    public static TheoryData<string> Addresses { get; } =
    [
        "0.0.0.0:0",
        "127.0.0.1:80",
        "255.255.255.255:65535",
        "1.2.3.4:258",
        "[::]:0",
        "[::1]:443",
        "[::ffff:10.1.2.3]:8080",
        "[2001:db8:1122:3344:5566:7788:99aa:bbcc]:50000",
        "[fe80::1234%7]:1",
        "[fe80::1%4294967295]:65535",
    ];

    [Theory]
    [MemberData(nameof(Addresses))]
    public void An_ip_end_point_comes_back_equal(string text)
    {
        IPEndPoint expected = IPEndPoint.Parse(text);

        CompactSocketAddress name = CompactSocketAddress.Parse(BytesOf(expected));

        Assert.Equal(expected, name.ToEndPoint());
        Assert.Equal(text, name.ToEndPoint()!.ToString());
        Assert.False(name.IsUnix);
    }

    [Fact]
    public void Any_ip_end_point_comes_back_equal()
    {
        var random = new Random(1);
        Span<byte> sixteen = stackalloc byte[16];
        for (int i = 0; i < 10_000; i++)
        {
            random.NextBytes(sixteen);
            IPAddress address = random.Next(2) == 0
                ? new IPAddress(sixteen[..4])
                : new IPAddress(sixteen, BinaryPrimitives.ReadUInt32LittleEndian(sixteen));
            var expected = new IPEndPoint(address, random.Next(65_536));

            Assert.Equal(expected, CompactSocketAddress.Parse(BytesOf(expected)).ToEndPoint());
        }
    }

    [Theory]
    [InlineData("/tmp/kestrel.sock")]
    [InlineData("relative")]
    [InlineData("/tmp/nämlich")]
    [InlineData("\0abstract")]
    public void A_unix_end_point_comes_back_equal(string path)
    {
        var expected = new UnixDomainSocketEndPoint(path);

        CompactSocketAddress name = CompactSocketAddress.Parse(BytesOf(expected));

        Assert.Equal(expected.ToString(), name.ToEndPoint()!.ToString());
        Assert.Equal(expected, name.ToEndPoint());
        Assert.True(name.IsUnix);
    }

    [Fact]
    public void Every_request_makes_a_new_end_point()
    {
        CompactSocketAddress name = CompactSocketAddress.Parse(BytesOf(new IPEndPoint(IPAddress.Loopback, 1)));

        Assert.NotSame(name.ToEndPoint(), name.ToEndPoint());
    }

    [Fact]
    public void A_family_that_is_not_served_has_no_end_point()
    {
        Assert.Null(CompactSocketAddress.Parse([16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).ToEndPoint());
        Assert.Null(default(CompactSocketAddress).ToEndPoint());
    }

    [Fact]
    public void An_address_that_is_too_short_has_no_end_point()
    {
        byte[] four = BytesOf(new IPEndPoint(IPAddress.Loopback, 80));
        byte[] six = BytesOf(new IPEndPoint(IPAddress.IPv6Loopback, 80));

        Assert.Null(CompactSocketAddress.Parse([]).ToEndPoint());
        Assert.Null(CompactSocketAddress.Parse([2]).ToEndPoint());
        Assert.Null(CompactSocketAddress.Parse(four.AsSpan(0, 7)).ToEndPoint());
        Assert.Null(CompactSocketAddress.Parse(six.AsSpan(0, 27)).ToEndPoint());
    }

    private static byte[] BytesOf(EndPoint endPoint)
    {
        SocketAddress address = endPoint.Serialize();
        return address.Buffer[..address.Size].ToArray();
    }
}
