using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Semantics;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.SocketFeature;

/// <summary>An application that shuts down, closes or disposes the socket of its connection.</summary>
[Trait("Category", "Slow")]
public sealed class SocketCloseTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const string Client = "client";

    public static TheoryData<TransportKind, Family, SocketOperation> Operations => SocketScene.Operations(OnFdm);

    [Theory, MemberData(nameof(Operations))]
    public Task While_a_read_waits(TransportKind transport, Family family, SocketOperation operation)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family);
        Task<string> reading = scene.Connection.ReadOnceAsync();
        Task<string> outcome = scene.ClientOutcomeAsync();
        transcript.Step(App, "operation", () => SocketScene.Apply(scene.Connection.GetSocket(), operation));
        await ReadOnAsync(transcript, scene, operation, reading, outcome);
        await WriteOnAsync(transcript, scene, operation);
        await scene.FinishAsync(transcript, outcome);
    });

    [Theory, MemberData(nameof(Operations))]
    public Task While_received_bytes_wait_for_a_read(TransportKind transport, Family family, SocketOperation operation)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family);
        PipeReader input = scene.Connection.Transport.Input;
        await scene.Client.SendAsync("early");
        ReadResult early = await input.ReadAtLeastAsync(5).Within();
        input.AdvanceTo(early.Buffer.Start);
        Task<string> outcome = scene.ClientOutcomeAsync();
        transcript.Step(App, "operation", () => SocketScene.Apply(scene.Connection.GetSocket(), operation));
        if (operation != SocketOperation.ShutdownSend)
        {
            await scene.Connection.ClosedAsync();
        }

        await transcript.StepAsync(
            App, "early read", () => SocketScene.EndOfReadAsync(scene.Connection.ReadTextAsync(5)));
        await ReadOnAsync(transcript, scene, operation, scene.Connection.ReadOnceAsync(), outcome);
        await WriteOnAsync(transcript, scene, operation);
        await scene.FinishAsync(transcript, outcome);
    });

    [Theory, MemberData(nameof(Operations))]
    public Task Just_before_the_connection_is_disposed(
        TransportKind transport, Family family, SocketOperation operation)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family);
        await scene.Connection.WriteTextAsync("hello");
        transcript.Add(Client, await scene.Client.ReadTextAsync(5));
        Task<string> outcome = scene.ClientOutcomeAsync();
        transcript.Step(App, "operation", () => SocketScene.Apply(scene.Connection.GetSocket(), operation));
        if (operation is not (SocketOperation.ShutdownSend or SocketOperation.ShutdownReceive))
        {
            await transcript.StepAsync(Client, "outcome", () => outcome);
        }

        if (operation != SocketOperation.ShutdownSend)
        {
            await scene.Connection.ClosedAsync();
        }

        await scene.FinishAsync(transcript, outcome);
    });

    [Theory, MemberData(nameof(Operations))]
    public Task After_the_clients_FIN(TransportKind transport, Family family, SocketOperation operation)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family);
        scene.Client.HalfClose();
        await scene.Connection.ClosedAsync();
        Task<string> outcome = scene.ClientOutcomeAsync();
        transcript.Step(App, "operation", () => SocketScene.Apply(scene.Connection.GetSocket(), operation));
        await transcript.StepAsync(App, "read", scene.Connection.ReadOnceAsync);
        await WriteOnAsync(transcript, scene, operation);
        await scene.FinishAsync(transcript, outcome);
    });

    [Theory, MemberData(nameof(Operations))]
    public Task After_the_connection_is_disposed(TransportKind transport, Family family, SocketOperation operation)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family);
        Socket socket = scene.Connection.GetSocket();
        await scene.Connection.WriteTextAsync("hello");
        await scene.FinishAsync(transcript, scene.ClientOutcomeAsync());
        transcript.Step(App, "operation", () => SocketScene.Use(socket, kept => SocketScene.Apply(kept, operation)));
        transcript.Step(App, "again", () => SocketScene.Use(socket, kept => SocketScene.Apply(kept, operation)));
    });

    /// <summary>How the waiting read ends, or that it does not.</summary>
    private static async Task ReadOnAsync(
        Transcript transcript, SocketScene scene, SocketOperation operation, Task<string> reading, Task<string> outcome)
    {
        if (operation == SocketOperation.ShutdownSend)
        {
            await transcript.StepAsync(Client, "at once", () => outcome);
            await scene.Client.SendAsync("late");
            await transcript.StepAsync(App, "read", () => SocketScene.EndOfReadAsync(reading));
            return;
        }

        await transcript.StepAsync(App, "read", () => SocketScene.EndOfReadAsync(reading));
        await transcript.StepAsync(App, "closed", scene.Connection.ClosedAsync);
        if (operation != SocketOperation.ShutdownReceive)
        {
            await transcript.StepAsync(Client, "at once", () => outcome);
        }
    }

    private static async Task WriteOnAsync(Transcript transcript, SocketScene scene, SocketOperation operation)
    {
        if (operation == SocketOperation.ShutdownReceive)
        {
            await transcript.StepAsync(App, "write", () => scene.Connection.WriteTextAsync("after"));
        }
        else
        {
            await transcript.StepAsync(App, "write", scene.WriteUntilCompletedAsync);
        }
    }
}
