using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>A connection that the application still uses after its disposal.</summary>
public sealed class AfterDisposalTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";

    public static TheoryData<TransportKind, string> Ends => Cases.Cross(OnFdm, ["dispose", "abort", "reset"]);

    [Theory, MemberData(nameof(Ends))]
    public Task Its_properties_answer_in_the_same_way(TransportKind transport, string end)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        ConnectionContext connection = await EndAsync(bare, end);
        transcript.Step(App, "id", () => $"{connection.ConnectionId.Length}");
        transcript.Step(App, "set id", () => connection.ConnectionId = "late");
        transcript.Step(App, "local", () => $"{bare.Listener.EndPoint.Equals(connection.LocalEndPoint)}");
        transcript.Step(App, "remote", () => connection.RemoteEndPoint!.GetType().Name);
        transcript.Step(App, "items", () => $"{connection.Items["late"] = "kept"} {connection.Items.Count}");
        transcript.Step(App, "closed", () => $"{connection.ConnectionClosed.IsCancellationRequested}");
        transcript.Step(App, "transport", () => $"{ReferenceEquals(connection.Transport, connection.Transport)}");
        transcript.Step(
            App,
            "pool",
            () => $"{connection.Features.GetRequiredFeature<IMemoryPoolFeature>().MemoryPool.MaxBufferSize}");
        transcript.Step(App, "feature", () =>
        {
            connection.Features.Set("late");
            return connection.Features.Get<string>()!;
        });
        transcript.Step(App, "abort", () =>
        {
            connection.Abort();
            return "done";
        });
        transcript.Step(App, "abort by feature", () =>
        {
            connection.Features.GetRequiredFeature<IConnectionLifetimeFeature>().Abort();
            return "done";
        });
        await transcript.StepAsync(App, "dispose again", async () => await connection.DisposeAsync());
        transcript.AddLog(bare.Logs);
    });

    [Theory, MemberData(nameof(Ends))]
    public Task Its_input_answers_in_the_same_way(TransportKind transport, string end)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        PipeReader input = (await EndAsync(bare, end)).Transport.Input;
        await transcript.StepAsync(App, "read", async () => $"{(await input.ReadAsync()).Buffer.Length}");
        await transcript.StepAsync(
            App, "read at least", async () => $"{(await input.ReadAtLeastAsync(5)).Buffer.Length}");
        transcript.Step(App, "try read", () => $"{input.TryRead(out _)}");
        transcript.Step(App, "advance", () => Do(() => input.AdvanceTo(default)));
        transcript.Step(App, "cancel", () => Do(input.CancelPendingRead));
        await transcript.StepAsync(App, "read after cancel", async () => $"{(await input.ReadAsync()).IsCanceled}");
        transcript.Step(App, "complete", () => Do(() => input.Complete()));
        transcript.Step(
            App, "complete with an error", () => Do(() => input.Complete(new InvalidOperationException("Late."))));
        await transcript.StepAsync(
            App, "read after completion", async () => $"{(await input.ReadAsync()).Buffer.Length}");
        await transcript.StepAsync(App, "copy", async () => await input.CopyToAsync(System.IO.Stream.Null));
        transcript.AddLog(bare.Logs);
    });

    [Theory, MemberData(nameof(Ends))]
    public Task Its_output_answers_in_the_same_way(TransportKind transport, string end)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        PipeWriter writer = (await EndAsync(bare, end)).Transport.Output;
        transcript.Step(App, "unflushed", () => $"{writer.CanGetUnflushedBytes} {writer.UnflushedBytes}");
        transcript.Step(App, "memory", () => $"{writer.GetMemory(1).IsEmpty}");
        transcript.Step(App, "span", () => $"{writer.GetSpan(1).IsEmpty}");
        transcript.Step(App, "advance", () => Do(() => writer.Advance(0)));
        transcript.Step(App, "write", () => Do(() => writer.Write("late"u8)));
        await transcript.StepAsync(App, "flush", async () => ConnectionExtensions.Describe(await writer.FlushAsync()));
        await transcript.StepAsync(
            App,
            "write and flush",
            async () => ConnectionExtensions.Describe(await writer.WriteAsync("late"u8.ToArray())));
        await transcript.StepAsync(
            App,
            "write nothing",
            async () => ConnectionExtensions.Describe(await writer.WriteAsync(ReadOnlyMemory<byte>.Empty)));
        transcript.Step(App, "cancel", () => Do(writer.CancelPendingFlush));
        await transcript.StepAsync(
            App, "flush after cancel", async () => ConnectionExtensions.Describe(await writer.FlushAsync()));
        transcript.Step(App, "complete", () => Do(() => writer.Complete()));
        transcript.Step(
            App, "complete with an error", () => Do(() => writer.Complete(new InvalidOperationException("Late."))));
        transcript.AddLog(bare.Logs);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Disposals_at_the_same_time_end_at_the_same_time(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        await connection.WriteTextAsync("bye");
        Task[] disposing =
        [
            Task.Run(() => connection.DisposeAsync().AsTask()),
            Task.Run(() => connection.DisposeAsync().AsTask()),
        ];
        foreach (Task dispose in disposing)
        {
            await transcript.StepAsync(App, "dispose", () => dispose);
        }

        transcript.Add("client", $"{(await client.ReadToEndAsync()).Length} bytes and FIN");
        transcript.AddLog(bare.Logs);
        client.Dispose();
    });

    private static string Do(Action action)
    {
        action();
        return "done";
    }

    private static async Task<ConnectionContext> EndAsync(BareTransport bare, string end)
    {
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        switch (end)
        {
            case "abort":
                connection.Abort(new ConnectionAbortedException("Made by the case."));
                break;
            case "reset":
                client.Reset();
                await connection.ClosedAsync();
                break;
        }

        await connection.DisposeAsync().Within();
        client.Dispose();
        return connection;
    }
}
