using System;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>What a connection says about itself.</summary>
public sealed class ConnectionFigureTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnAllFdm))]
    public async Task A_connection_knows_its_loop_its_set_and_its_bytes(TransportKind transport)
    {
        var harness = new FdmHarness(transport);
        CheckAfterwards(harness, harness.Logs);
        IConnectionListener listener = await harness.BindAsync();
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = await listener.AcceptAsync().Within("a connection")
            ?? throw new InvalidOperationException();
        IFdmConnectionFeature feature = connection.Features.GetRequiredFeature<IFdmConnectionFeature>();
        Assert.Same(connection, feature);

        await Eventually.UntilAsync(() => harness.Factory.GetLoopStatistics()[feature.LoopIndex].Connections == 1);
        Assert.True(Enum.IsDefined(feature.PollingSet));
        Assert.InRange(feature.LiveCounter, 0, 8);
        Assert.Equal(0, feature.BytesReceived);
        Assert.Equal(0, feature.BytesSent);

        await client.SendAsync("request");
        Assert.Equal("request", await connection.ReadTextAsync(7));
        await connection.WriteTextAsync("answer");
        Assert.Equal("answer", await client.ReadTextAsync(6));
        Assert.Equal(7, feature.BytesReceived);
        await Eventually.UntilAsync(() => feature.BytesSent == 6);
        await connection.DisposeAsync().Within();
        Assert.Equal(7, feature.BytesReceived);
        Assert.InRange(feature.LiveCounter, 0, 8);
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_request_finds_the_connection_that_it_came_over(TransportKind transport)
    {
        TestServer server = await StartAsync(transport, context =>
        {
            IFdmConnectionFeature feature = context.Features.GetRequiredFeature<IFdmConnectionFeature>();
            return context.Response.WriteAsync($"{feature.LoopIndex} {feature.BytesReceived}");
        });
        using RawClient client = await server.ConnectAsync();

        string[] answer = (await client.GetAsync("/")).Text.Split(' ');
        Assert.Equal(RawClient.Get("/").Length.ToString(System.Globalization.CultureInfo.InvariantCulture), answer[1]);
        int loop =
            Assert.Single(Enumerable.Range(0, server.Loops.Count), index => server.Loops[index].Connections == 1);
        Assert.Equal(loop.ToString(System.Globalization.CultureInfo.InvariantCulture), answer[0]);
    }
}
