using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>An endpoint that is bound at the very moment at which a loop fails.</summary>
[Collection(NonParallel.Name)]
public sealed class BindWhileLoopFailsTests
{
    [Fact]
    public async Task It_accepts_on_the_loop_that_comes_in_its_place()
    {
        await using var factory = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);
        EventLoop[] loops = factory.AcquireLoops();
        EventLoop first = loops[0];
        IConnectionListener listener;
        using (var point = new AtFaultPoint(
            FaultPoint.AcceptorMade,
            1,
            () =>
            {
                LoopFixture.Fail(first);
                Eventually.Until(
                    () => factory.GetLoopStatistics().Count == 1 && loops[0] != first,
                    "the loop in its place");
            }))
        {
            listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
            Assert.Equal(1, point.Reached);
        }

        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.EndPoint);
        ConnectionContext? server = await listener.AcceptAsync().AsTask().Within("the connection");

        await server!.DisposeAsync();
        await listener.DisposeAsync();
        factory.ReleaseLoops();
    }
}
