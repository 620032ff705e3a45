using System;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>The events that applications filter, count and store by.</summary>
public sealed class LogEventTests(ITestOutputHelper output) : OracleTest(output)
{
    private const int Threshold = 8192;
    private const int PauseEvent = 4;
    private const int ResumeEvent = 5;

    [Theory, MemberData(nameof(OnFdm))]
    public Task Ids_names_levels_templates_and_arguments_are_the_same(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        using var logger = new RecordingLogger();
        await using (TransportHost host = TransportHost.Create(
            kind, options => options.MaxReadBufferSize = Threshold, logger: logger))
        {
            await EveryEventAsync(host);
        }

        foreach (string line in logger.Events)
        {
            transcript.Add("log", line);
        }
    });

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Every_event_comes_in_the_case_above(TransportKind transport)
    {
        await using TransportHost host =
            TransportHost.Create(transport, options => options.MaxReadBufferSize = Threshold);
        await EveryEventAsync(host);
        Assert.Equal(
            [4, 5, 6, 7, 8, 14, 19],
            host.Logs.Entries.Where(entry => entry.IsFromTransport).Select(entry => entry.Id.Id).Distinct().Order());
        Assert.All(
            host.Logs.Entries.Where(entry => entry.IsFromTransport),
            entry => Assert.Equal(LogLevel.Debug, entry.Level));
        Assert.Single(host.Logs.Entries.Where(entry => entry.IsFromTransport).Select(entry => entry.Category).Distinct(
            StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_ConnectionClosed_callback_that_throws_is_the_one_error(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using (BareTransport bare = await BareTransport.StartAsync(kind))
        {
            (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
            connection.ConnectionClosed.Register(() => throw new InvalidOperationException("Thrown by the case."));
            client.Dispose();
            await bare.Logs.FindTransportEventAsync(0).Within();
            await transcript.StepAsync("app", "dispose", async () => await connection.DisposeAsync());
            foreach (LogEntry entry in bare.Logs.Entries.Where(entry => entry.IsFromTransport))
            {
                string exception = entry.Exception is { } thrown ? Observe.Describe(thrown) : "";
                transcript.Add("log", $"{entry.Level} {entry.Id.Id} {exception}");
            }
        }
    });

    private static async Task EveryEventAsync(TransportHost host)
    {
        IConnectionListener listener = await host.BindAsync();

        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        await client.SendAsync(new byte[Threshold]);
        await host.Logs.FindTransportEventAsync(PauseEvent).Within();
        await connection.ReadTextAsync(Threshold);
        await host.Logs.FindTransportEventAsync(ResumeEvent).Within();
        client.HalfClose();
        await connection.ClosedAsync();
        await connection.DisposeAsync().Within();
        client.Dispose();

        (client, connection) = await TransportHost.ConnectAsync(listener);
        await connection.Transport.Output.CompleteAsync(new InvalidOperationException("Made by the case."));
        await client.AssertResetAsync();
        await connection.DisposeAsync().Within();
        client.Dispose();

        (client, connection) = await TransportHost.ConnectAsync(listener);
        client.Reset();
        await connection.ClosedAsync();
        await connection.DisposeAsync().Within();
    }
}
