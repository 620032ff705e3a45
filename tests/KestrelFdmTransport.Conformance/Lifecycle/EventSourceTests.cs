using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Lifecycle;

/// <summary>The events that dotnet-counters and dotnet-trace show.</summary>
public sealed class EventSourceTests(ITestOutputHelper output) : OracleTest(output)
{
    [Theory, MemberData(nameof(OnFdm))]
    public Task Start_and_stop_of_connections_and_requests_are_reported_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            using var events = new KestrelEvents();
            TestServer server = await StartAsync(kind, _ => Task.CompletedTask);
            string endPoint = server.EndPoint.ToString();

            using (RawClient client = await server.ConnectAsync())
            {
                Assert.Equal(200, (await client.GetAsync("/")).Status);
                client.HalfClose();
                await client.AssertFinAsync();
            }

            await Eventually.UntilAsync(() => events.CountOf("ConnectionStop", endPoint) == 1);
            RawClient rude = await server.ConnectAsync();
            Assert.Equal(200, (await rude.GetAsync("/")).Status);
            rude.Reset();
            await Eventually.UntilAsync(() => events.CountOf("ConnectionStop", endPoint) == 2);
            events.AddTo(transcript, endPoint);
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_rejected_connection_is_reported_as_on_Sockets(TransportKind transport)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            using var events = new KestrelEvents();
            TestServer server = await StartAsync(
                kind,
                _ => Task.CompletedTask,
                new TestServerSetup { Kestrel = kestrel => kestrel.Limits.MaxConcurrentConnections = 1 });
            string endPoint = server.EndPoint.ToString();
            using RawClient client = await server.ConnectAsync();
            Assert.Equal(200, (await client.GetAsync("/")).Status);
            using RawClient rejected = await server.ConnectAsync();
            await rejected.AssertFinAsync();
            await Eventually.UntilAsync(() => events.CountOf("ConnectionStop", endPoint) == 1);
            events.AddTo(transcript, endPoint);
        });
    }
}
