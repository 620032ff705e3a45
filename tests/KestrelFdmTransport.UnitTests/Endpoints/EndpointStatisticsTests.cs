using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>What the transport says about its endpoints, and about loops that do not do their work.</summary>
[Collection(NonParallel.Name)]
public sealed class EndpointStatisticsTests
{
    private static readonly IPEndPoint s_loopback = new(IPAddress.Loopback, 0);

    [Fact]
    public async Task Each_bound_endpoint_has_its_own_figures()
    {
        await using FdmTransportFactory factory = NewFactory();
        await using IConnectionListener first = await factory.BindAsync(s_loopback);
        await using IConnectionListener second = await factory.BindAsync(s_loopback);
        using Socket taken = await ConnectAsync(first);
        await using ConnectionContext? accepted = await first.AcceptAsync().Within("a connection");
        using Socket queued = await ConnectAsync(first);
        Eventually.Until(() => factory.GetEndpointStatistics()[0].Queued == 1, "the second client in the queue");

        Assert.Collection(
            factory.GetEndpointStatistics(),
            endpoint => Assert.Equal(
                (first.EndPoint, 1, 1, true, null),
                (endpoint.EndPoint, endpoint.Accepts, endpoint.Queued, endpoint.IsAccepting,
                    endpoint.TimeSinceAcceptPause)),
            endpoint => Assert.Equal(
                (second.EndPoint, 0, 0), (endpoint.EndPoint, endpoint.Accepts, endpoint.Queued)));
    }

    [Fact]
    public async Task An_endpoint_that_is_unbound_is_in_it_no_more()
    {
        await using FdmTransportFactory factory = NewFactory();
        await using IConnectionListener first = await factory.BindAsync(s_loopback);
        await using IConnectionListener second = await factory.BindAsync(s_loopback);

        await first.UnbindAsync();

        Assert.Equal(second.EndPoint, Assert.Single(factory.GetEndpointStatistics()).EndPoint);
    }

    [Fact]
    public async Task A_pause_for_want_of_descriptors_shows()
    {
        await using FdmTransportFactory factory = NewFactory();
        await using IConnectionListener listener = await factory.BindAsync(s_loopback);
        using var faults = new Faults(Syscall.Accept, "EMFILE", first: 1, step: 1);
        using Socket client = await ConnectAsync(listener);

        Eventually.Until(
            () => factory.GetEndpointStatistics()[0].TimeSinceAcceptPause is { } age && age < Eventually.Limit,
            "the pause");

        Assert.True(factory.GetEndpointStatistics()[0].IsAccepting);
    }

    [Fact]
    public async Task A_loop_that_is_given_up_has_failed_and_its_endpoints_accept_no_more()
    {
        await using FdmTransportFactory factory = NewFactory();
        await using IConnectionListener listener = await factory.BindAsync(s_loopback);
        EventLoop[] loops = factory.AcquireLoops();
        Assert.Equal(EventLoopState.Running, State(factory));

        FailFirst(loops);
        Assert.Equal((EventLoopState.Running, true), (State(factory), factory.GetEndpointStatistics()[0].IsAccepting));

        FailFirst(loops);
        Assert.Equal((EventLoopState.Failed, false), (State(factory), factory.GetEndpointStatistics()[0].IsAccepting));
        factory.ReleaseLoops();
    }

    [Fact]
    public async Task A_loop_that_the_kernel_does_not_wake_says_so_until_it_does()
    {
        await using FdmTransportFactory factory = NewFactory();
        EventLoop loop = factory.AcquireLoops()[0];
        LoopFixture.AwaitIdle(loop);
        using (var faults = new Faults(Syscall.WriteEventFd, "EIO", first: 1, step: 1))
        {
            // A loop that has not gone to sleep yet needs no waking.
            Eventually.Until(
                () =>
                {
                    new ProbeSource { Loop = loop, OnCommanded = _ => { } }.Post(LoopCommand.Resume);
                    return State(factory) == EventLoopState.CannotBeWoken;
                },
                "a wake-up that fails");
        }

        Eventually.Until(() => State(factory) == EventLoopState.Running, "a wake-up");
        factory.ReleaseLoops();
    }

    private static FdmTransportFactory NewFactory()
        => new(Options.Create(new FdmTransportOptions { LoopCount = 1 }), NullLoggerFactory.Instance);

    private static EventLoopState State(FdmTransportFactory factory) => factory.GetLoopStatistics()[0].State;

    private static void FailFirst(EventLoop[] loops)
    {
        EventLoop loop = loops[0];
        LoopFixture.Fail(loop);
        Assert.True(loop.Join(Eventually.Limit));
    }

    private static async Task<Socket> ConnectAsync(IConnectionListener listener)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.EndPoint).Within("a connect");
        return client;
    }
}
