using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

public sealed class CanBindTests
{
    public static TheoryData<EndPoint> Served { get; } =
    [
        new IPEndPoint(IPAddress.Loopback, 0),
        new IPEndPoint(IPAddress.IPv6Any, 443),
        new UnixDomainSocketEndPoint("/tmp/kestrel.sock"),
        new FileHandleEndPoint(3, FileHandleType.Auto),
        new FileHandleEndPoint(3, FileHandleType.Tcp),
    ];

    public static TheoryData<EndPoint> Declined { get; } =
    [
        new DnsEndPoint("localhost", 80),
        new NamedPipeEndPoint("kestrel"),
        new UnknownEndPoint(),
    ];

    [Theory]
    [MemberData(nameof(Served))]
    public void It_serves(EndPoint endPoint) => Assert.True(CanBind(endPoint));

    [Theory]
    [MemberData(nameof(Declined))]
    public void It_leaves_to_others(EndPoint endPoint) => Assert.False(CanBind(endPoint));

    [Fact]
    public void This_machine_has_what_the_transport_needs() => Assert.Null(PlatformSupport.UnsupportedReason);

    private static bool CanBind(EndPoint endPoint)
    {
        using var factory =
            new FdmTransportFactory(Options.Create(new FdmTransportOptions()), NullLoggerFactory.Instance);
        return factory.CanBind(endPoint);
    }

    private sealed class UnknownEndPoint : EndPoint;
}
