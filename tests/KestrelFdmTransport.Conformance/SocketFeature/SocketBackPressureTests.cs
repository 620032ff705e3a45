using System;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Semantics;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.SocketFeature;

/// <summary>
/// An application that ends its connection's socket while a flush waits for a client that does not read.
/// </summary>
public sealed class SocketBackPressureTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const int BufferSize = 16 * 1024;

    public static TheoryData<TransportKind, Family, SocketOperation> Operations => SocketScene.Operations(OnFdm);

    [Theory, MemberData(nameof(Operations))]
    public Task While_a_flush_waits(TransportKind transport, Family family, SocketOperation operation)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family, receiveBufferSize: BufferSize);
        Socket socket = scene.Connection.GetSocket();
        socket.SendBufferSize = BufferSize;
        (Task<FlushResult> flush, long written) = await FillAsync(scene);
        transcript.Step(App, "operation", () => SocketScene.Apply(socket, operation));
        if (operation == SocketOperation.ShutdownReceive)
        {
            await scene.Connection.ClosedAsync();
            Task<string> outcome = scene.ClientOutcomeAsync();
            await transcript.StepAsync(App, "flush", async () => ConnectionExtensions.Describe(await flush));
            transcript.Add(App, $"write: {await scene.Connection.WriteTextAsync("after")}");
            await scene.Connection.DisposeAsync().Within();
            transcript.Add(
                "client",
                $"all and FIN: "
                    + $"{string.Equals(await outcome, $"{written + 5} bytes and FIN", StringComparison.Ordinal)}");
            transcript.AddLog(scene.Logs);
            return;
        }

        // The kernel says nothing of this one to who waits for room in a Unix socket, until there is some.
        bool clientReads = family == Family.Unix && operation == SocketOperation.ShutdownSend;
        Task<string>? reading = clientReads ? scene.ClientOutcomeAsync() : null;
        await transcript.StepAsync(App, "flush", async () => ConnectionExtensions.Describe(await flush));
        await transcript.StepAsync(App, "write", scene.WriteUntilCompletedAsync);
        await transcript.StepAsync(App, "dispose", async () => await scene.Connection.DisposeAsync());
        string seen = await (reading ?? scene.ClientOutcomeAsync());
        transcript.Add(
            "client",
            $"less than all: {!seen.StartsWith($"{written} ", StringComparison.Ordinal)}, "
                + $"{seen[(seen.IndexOf(' ', StringComparison.Ordinal) + 1)..]}");
        if (operation == SocketOperation.ShutdownSend)
        {
            // After the others it is a race in Sockets whether its receiving or its sending notices first.
            transcript.AddLog(scene.Logs);
        }
    });

    /// <summary>Writes until a flush cannot complete because the kernel takes no more.</summary>
    private static async Task<(Task<FlushResult> Flush, long Written)> FillAsync(SocketScene scene)
    {
        // Larger than the kernel's buffers and the write buffer together: this flush waits for the client.
        const int Length = 1024 * 1024;
        PipeWriter writer = scene.Connection.Transport.Output;
        BytePattern.Default.Fill(writer.GetSpan(Length)[..Length], 0);
        writer.Advance(Length);
        Task<FlushResult> flush = writer.FlushAsync().AsTask();
        Socket socket = scene.Connection.GetSocket();
        await Eventually.UntilAsync(() => !socket.Poll(0, SelectMode.SelectWrite), what: "a full send buffer");
        Assert.False(flush.IsCompleted);
        return (flush, Length);
    }
}
