using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>The transport in a host: how it gets there and what it refuses.</summary>
public sealed class FdmHostTests
{
    [Theory]
    [InlineData(nameof(FdmTransportOptions.LoopCount), "-1")]
    [InlineData(nameof(FdmTransportOptions.Backlog), "-1")]
    [InlineData(nameof(FdmTransportOptions.AcceptQueueLength), "-1")]
    [InlineData(nameof(FdmTransportOptions.MaxReadBufferSize), "-1")]
    [InlineData(nameof(FdmTransportOptions.MaxWriteBufferSize), "-1")]
    [InlineData(nameof(FdmTransportOptions.SpinDuration), "-00:00:01")]
    [InlineData(nameof(FdmTransportOptions.Scheduling), "99")]
    public async Task An_invalid_option_fails_the_start_and_says_which(string name, string value)
    {
        Exception failure = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            // WebApplication makes the server, and with it the transport, as it is built; other hosts as they start.
            await using WebApplication application =
                Build(host => host.UseKestrelCore().UseFdmTransport(options => Spoil(options, name)));
            await application.StartAsync().Within();
        });
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
        Assert.Contains(value, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public Task The_transport_may_be_chosen_after_Kestrel()
        => AssertServedByFdmAsync(host => host.UseKestrelCore().UseFdmTransport());

    [Fact]
    public Task The_transport_may_be_chosen_before_Kestrel()
        => AssertServedByFdmAsync(host => host.UseFdmTransport().UseKestrelCore());

    [Fact]
    public Task The_transport_may_be_chosen_twice()
        => AssertServedByFdmAsync(host => host.UseFdmTransport().UseKestrelCore().UseFdmTransport(_ => { }));

    [Fact]
    public async Task The_options_of_two_calls_add_up()
    {
        await using WebApplication application = Build(host => host
            .UseKestrelCore()
            .UseFdmTransport(options => options.LoopCount = 3)
            .UseFdmTransport(options => options.Backlog = 100));
        await application.StartAsync().Within();

        var factory = application.Services.GetRequiredService<FdmTransportFactory>();
        Assert.Equal(3, factory.GetLoopStatistics().Count);
        await application.StopAsync().Within();
    }

    private static void Spoil(FdmTransportOptions options, string name)
    {
        switch (name)
        {
            case nameof(FdmTransportOptions.LoopCount):
                options.LoopCount = -1;
                break;
            case nameof(FdmTransportOptions.Backlog):
                options.Backlog = -1;
                break;
            case nameof(FdmTransportOptions.AcceptQueueLength):
                options.AcceptQueueLength = -1;
                break;
            case nameof(FdmTransportOptions.MaxReadBufferSize):
                options.MaxReadBufferSize = -1;
                break;
            case nameof(FdmTransportOptions.MaxWriteBufferSize):
                options.MaxWriteBufferSize = -1;
                break;
            case nameof(FdmTransportOptions.SpinDuration):
                options.SpinDuration = TimeSpan.FromSeconds(-1);
                break;
            case nameof(FdmTransportOptions.Scheduling):
                options.Scheduling = (ApplicationScheduling)99;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, "No such option.");
        }
    }

    private static async Task AssertServedByFdmAsync(Action<IWebHostBuilder> choose)
    {
        await using WebApplication application = Build(choose);
        application.Run(context => context.Response.WriteAsync("served"));
        await application.StartAsync().Within();

        var url = new Uri(Assert.Single(application.Urls));
        using RawClient client = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, url.Port));
        Assert.Equal("served", (await client.GetAsync("/")).Text);

        FdmTransportFactory factory = Assert.Single(
            application.Services.GetServices<IConnectionListenerFactory>().OfType<FdmTransportFactory>());
        Assert.Same(application.Services.GetRequiredService<FdmTransportFactory>(), factory);
        IReadOnlyList<EventLoopStatistics> loops = factory.GetLoopStatistics();
        Assert.Equal(1, loops.Sum(loop => loop.Accepts));
        await application.StopAsync().Within();
    }

    private static WebApplication Build(Action<IWebHostBuilder> choose)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        choose(builder.WebHost);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(TestServerSetup.FreeLoopbackPort));
        return builder.Build();
    }
}
