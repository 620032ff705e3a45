using System;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>What wins: docs/options.md.</summary>
public sealed class OptionPrecedenceTests
{
    [Fact]
    public void The_defaults_are_those_of_the_Sockets_transport()
    {
        var sockets = new SocketTransportOptions();
        foreach (FdmTransportOptions options
            in new[] { new FdmTransportOptions(), HostedOptions.Read(host => host.UseFdmTransport()) })
        {
            Assert.Equal(
                (sockets.Backlog, sockets.NoDelay, sockets.MaxReadBufferSize, sockets.MaxWriteBufferSize),
                (options.Backlog, options.NoDelay, options.MaxReadBufferSize, options.MaxWriteBufferSize));
        }
    }

    [Fact]
    public void The_defaults_that_only_we_have_are_the_documented_ones()
    {
        foreach (FdmTransportOptions options
            in new[] { new FdmTransportOptions(), HostedOptions.Read(host => host.UseFdmTransport()) })
        {
            Assert.Equal(
                (ApplicationScheduling.Adaptive, Environment.ProcessorCount, TimeSpan.FromMicroseconds(50), 128),
                (options.Scheduling, options.LoopCount, options.SpinDuration, options.AcceptQueueLength));
        }
    }

    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    [InlineData("[::]:0")]
    public void A_listen_socket_is_made_as_the_Sockets_transport_makes_it(string endPoint)
    {
        using Socket theirs = SocketTransportOptions.CreateDefaultBoundListenSocket(IPEndPoint.Parse(endPoint));
        using Socket ours = FdmTransportOptions.CreateDefaultBoundListenSocket(IPEndPoint.Parse(endPoint));

        Assert.Equal(
            (theirs.AddressFamily, theirs.SocketType, theirs.ProtocolType, theirs.IsBound),
            (ours.AddressFamily, ours.SocketType, ours.ProtocolType, ours.IsBound));
        Assert.Equal(((IPEndPoint)theirs.LocalEndPoint!).Address, ((IPEndPoint)ours.LocalEndPoint!).Address);
        Assert.True(ours.AddressFamily == AddressFamily.InterNetwork || ours.DualMode == theirs.DualMode);
    }

    [Fact]
    public void What_was_set_for_the_Sockets_transport_is_taken_over()
    {
        Socket NoSocket(EndPoint endPoint) => throw new NotSupportedException();

        FdmTransportOptions options = HostedOptions.Read(host => host
            .UseFdmTransport()
            .UseSockets(sockets =>
            {
                sockets.Backlog = 7;
                sockets.NoDelay = false;
                sockets.MaxReadBufferSize = 8;
                sockets.MaxWriteBufferSize = null;
                sockets.CreateBoundListenSocket = NoSocket;
            }));

        Assert.Equal(
            (7, false, 8L, null),
            (options.Backlog, options.NoDelay, options.MaxReadBufferSize, options.MaxWriteBufferSize));
        Assert.Equal(NoSocket, options.CreateBoundListenSocket);
        Assert.Equal(ApplicationScheduling.Adaptive, options.Scheduling);
    }

    [Fact]
    public void What_was_configured_for_the_Sockets_transport_as_a_service_is_taken_over()
    {
        FdmTransportOptions options = HostedOptions.Read(host => host
            .ConfigureServices(services => services.Configure<SocketTransportOptions>(sockets => sockets.Backlog = 7))
            .UseFdmTransport()
            .ConfigureServices(
                services => services.Configure<SocketTransportOptions>(sockets => sockets.NoDelay = false)));

        Assert.Equal((7, false), (options.Backlog, options.NoDelay));
    }

    [Fact]
    public void Inline_scheduling_of_the_Sockets_transport_is_ours_too()
        => Assert.Equal(
            ApplicationScheduling.Inline,
            HostedOptions.Read(host => host.UseFdmTransport().UseSockets(
                sockets => sockets.UnsafePreferInlineScheduling = true)).Scheduling);

    [Fact]
    public void Configuration_wins_over_the_Sockets_transport()
    {
        FdmTransportOptions options = HostedOptions.Read(
            host => host.UseFdmTransport().UseSockets(sockets =>
            {
                sockets.Backlog = 7;
                sockets.NoDelay = false;
                sockets.UnsafePreferInlineScheduling = true;
            }),
            ("Backlog", "9"),
            ("Scheduling", "ThreadPool"));

        Assert.Equal(
            (9, false, ApplicationScheduling.ThreadPool),
            (options.Backlog, options.NoDelay, options.Scheduling));
    }

    [Fact]
    public void Configured_services_win_over_configuration_whenever_they_were_registered()
    {
        FdmTransportOptions options = HostedOptions.Read(
            host => host
                .ConfigureServices(services => services.Configure<FdmTransportOptions>(fdm => fdm.Backlog = 11))
                .UseFdmTransport()
                .ConfigureServices(services => services.Configure<FdmTransportOptions>(fdm => fdm.LoopCount = 12)),
            ("Backlog", "1"),
            ("LoopCount", "2"),
            ("AcceptQueueLength", "3"));

        Assert.Equal((11, 12, 3), (options.Backlog, options.LoopCount, options.AcceptQueueLength));
    }

    [Fact]
    public void The_delegate_wins_over_everything_before_it()
    {
        FdmTransportOptions options = HostedOptions.Read(
            host => host
                .UseSockets(sockets => sockets.Backlog = 1)
                .ConfigureServices(services => services.Configure<FdmTransportOptions>(fdm => fdm.Backlog = 2))
                .UseFdmTransport(fdm => fdm.Backlog = 3),
            ("Backlog", "4"));

        Assert.Equal(3, options.Backlog);
    }

    [Fact]
    public void Delegates_and_configured_services_act_in_the_order_of_the_calls()
    {
        FdmTransportOptions options = HostedOptions.Read(host => host
            .UseFdmTransport(fdm => (fdm.Backlog, fdm.LoopCount) = (1, 2))
            .ConfigureServices(services => services.Configure<FdmTransportOptions>(fdm => fdm.Backlog = 3))
            .UseFdmTransport(fdm => fdm.LoopCount += 10));

        Assert.Equal((3, 12), (options.Backlog, options.LoopCount));
    }
}
