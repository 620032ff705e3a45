using System.Globalization;
using System.Net;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>What log and factory say about who serves.</summary>
public sealed class ServedByTests
{
    private static readonly IPEndPoint s_loopback = new(IPAddress.Loopback, 0);

    [Theory]
    [InlineData(ApplicationScheduling.Adaptive, 1)]
    [InlineData(ApplicationScheduling.ThreadPool, 3)]
    public async Task A_bound_endpoint_is_logged_once_with_loops_and_scheduling(
        ApplicationScheduling scheduling,
        int loops)
    {
        using var log = new LineLog();
        await using var factory = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = loops, Scheduling = scheduling }),
            log);
        Assert.True(factory.CanBind(s_loopback));
        await using IConnectionListener listener = await factory.BindAsync(s_loopback);

        Assert.Equal(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Debug 53 {listener.EndPoint} is served by the FDM transport: {loops} event loop(s), "
                    + $"{scheduling} scheduling; fdm.transport={factory.Number} in metrics."),
            Assert.Single(log.Lines));
        Assert.True(factory.IsActive);
        Assert.Null(factory.InactiveReason);
    }

    [Fact]
    public void An_endpoint_that_is_left_to_Sockets_is_a_warning_and_the_factory_says_why()
    {
        using var log = new LineLog();
        using var factory = new FdmTransportFactory(Options.Create(new FdmTransportOptions()), log)
        {
            Probe = () => "something is forbidden here."
        };

        Assert.False(factory.CanBind(s_loopback));
        Assert.Equal(
            "Warning 34 127.0.0.1:0 is served by the Sockets transport: something is forbidden here.",
            Assert.Single(log.Lines));
        Assert.False(factory.IsActive);
        Assert.Equal("something is forbidden here.", factory.InactiveReason);
    }

    [Fact]
    public void An_endpoint_of_another_transport_is_not_logged()
    {
        using var log = new LineLog();
        using var factory = new FdmTransportFactory(Options.Create(new FdmTransportOptions()), log);

        Assert.False(factory.CanBind(new NamedPipeEndPoint("kestrel")));
        Assert.Empty(log.Lines);
    }
}
