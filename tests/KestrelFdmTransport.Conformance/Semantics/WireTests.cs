using System;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>The ends of a connection as its client sees them.</summary>
public sealed class WireTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string Client = "client";
    private const string App = "app";
    private const int Large = 8 * 1024 * 1024;

    public static TheoryData<TransportKind, Family> Families
        => Cases.Cross(OnFdm, [Family.IPv4, Family.IPv6, Family.Unix]);

    public static TheoryData<TransportKind, Family> FamiliesOnBoth => Cases.Cross(OnBoth, [Family.IPv4, Family.Unix]);

    [SkippableTheory, MemberData(nameof(Families))]
    public Task A_clean_end_is_FIN_after_the_last_byte(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        await client.SendAsync("request");
        transcript.Add(App, await connection.ReadTextAsync(7));
        await connection.WriteTextAsync("response");
        await connection.DisposeAsync().Within();
        transcript.Add(Client, await OutcomeAsync(client));
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task An_abort_is_a_reset_where_there_is_one(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        connection.Abort(new ConnectionAbortedException("Made by the case."));
        transcript.Add(Client, await OutcomeAsync(client));
        await connection.DisposeAsync().Within();
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task An_output_completed_with_an_error_is_a_reset_where_there_is_one(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        await connection.Transport.Output.CompleteAsync(new InvalidOperationException("Made by the case."));
        transcript.Add(Client, await OutcomeAsync(client));
        await connection.DisposeAsync().Within();
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task An_abort_drops_what_is_unsent(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        Task<FlushResult> flush = connection.Transport.Output.WriteAsync(new byte[Large]).AsTask();
        Socket socket = connection.GetSocket();
        await Eventually.UntilAsync(() => !socket.Poll(0, SelectMode.SelectWrite), what: "a full send buffer");
        connection.Abort(new ConnectionAbortedException("Made by the case."));
        await transcript.StepAsync(App, "flush", async () => ConnectionExtensions.Describe(await flush));
        await connection.DisposeAsync().Within();
        string outcome = await OutcomeAsync(client);
        transcript.Add(
            Client,
            $"all: {outcome.StartsWith($"{Large} ", StringComparison.Ordinal)}, "
                + $"{outcome[outcome.IndexOf(' ', StringComparison.Ordinal)..]}");
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task A_clean_end_sends_what_is_unsent_first(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        Task<FlushResult> flush = connection.Transport.Output.WriteAsync(new byte[Large]).AsTask();
        Task disposing = connection.DisposeAsync().AsTask();
        transcript.Add(App, $"disposal waits: {!disposing.IsCompleted}");
        transcript.Add(Client, await OutcomeAsync(client));

        // Whether its result says completed is a race in Sockets.
        await transcript.StepAsync(App, "flush", () => (Task)flush);
        await transcript.StepAsync(App, "dispose", () => disposing);
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task After_its_FIN_a_client_still_gets_everything(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        await client.SendAsync("request");
        client.HalfClose();
        transcript.Add(App, await connection.ReadToEndAsync());
        await connection.ClosedAsync();
        Task<string> outcome = OutcomeAsync(client);
        BytePattern.Default.Fill(connection.Transport.Output.GetSpan(Large)[..Large], 0);
        connection.Transport.Output.Advance(Large);
        await connection.Transport.Output.FlushAsync().Within();
        await connection.WriteTextAsync("end");
        await connection.DisposeAsync().Within();
        transcript.Add(Client, await outcome);
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task Unread_request_bytes_make_a_clean_end_abrupt(TransportKind transport, Family family)
    {
        return RunAsync(
            transport,
            family,
            async (client, connection, transcript) =>
            {
                // More than the transport reads ahead, and less than the kernel holds.
                await client.SendAsync(new byte[64 * 1024]);
                await connection.WriteTextAsync("answer");
                transcript.Add(Client, await client.ReadTextAsync(6));
                await connection.DisposeAsync().Within();
                transcript.Add(Client, await OutcomeAsync(client));
                await transcript.StepAsync(Client, "send", () => SendUntilRefusedAsync(client));
            },
            maxReadBufferSize: 4096);
    }

    [SkippableTheory, MemberData(nameof(Families))]
    public Task Bytes_that_come_after_the_end_are_refused(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        await connection.WriteTextAsync("bye");
        await connection.DisposeAsync().Within();
        transcript.Add(Client, await OutcomeAsync(client));
        await transcript.StepAsync(Client, "send", () => SendUntilRefusedAsync(client));
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task An_end_during_the_clients_upload_is_abrupt(TransportKind transport, Family family)
        => RunAsync(transport, family, async (client, connection, transcript) =>
    {
        Task sending = client.SendPatternAsync(Large * 4);
        await connection.Transport.Input.ReadAtLeastAsync(64 * 1024).Within();
        await connection.DisposeAsync().Within();
        transcript.Add(
            Client,
            $"the upload fails: {await Record.ExceptionAsync(() => sending.Within()) is SocketException}");
    });

    [Theory, MemberData(nameof(FamiliesOnBoth))]
    public async Task Ends_of_both_sides_at_once_lose_nothing(TransportKind transport, Family family)
    {
        await using TransportHost host = TransportHost.Create(transport);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        for (int i = 0; i < 30; i++)
        {
            (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
            await connection.WriteTextAsync("bye");
            Task halfClosing = Task.Run(client.HalfClose);
            Task disposing = Task.Run(() => connection.DisposeAsync().AsTask());
            Assert.Equal(3, (await client.ReadToEndAsync()).Length);
            await Task.WhenAll(halfClosing, disposing).Within();
            client.Dispose();
        }
    }

    private Task RunAsync(
        TransportKind transport,
        Family family,
        Func<RawClient, ConnectionContext, Transcript, Task> scenario,
        long? maxReadBufferSize = null)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            await using TransportHost host = TransportHost.Create(
                kind,
                options => options.MaxReadBufferSize = maxReadBufferSize ?? options.MaxReadBufferSize);
            IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
            (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
            await scenario(client, connection, transcript);
            client.Dispose();
        });
    }

    private static async Task<string> OutcomeAsync(RawClient client)
    {
        byte[] chunk = new byte[256 * 1024];
        long length = 0;
        try
        {
            int count;
            while ((count = await client.ReadAsync(chunk)) != 0)
            {
                length += count;
            }

            return $"{length} bytes and FIN";
        }
        catch (SocketException exception)
        {
            return $"{length} bytes and {exception.SocketErrorCode}";
        }
    }

    /// <summary>A kernel may accept some bytes before it knows that the peer has closed.</summary>
    private static async Task<string> SendUntilRefusedAsync(RawClient client)
    {
        try
        {
            while (true)
            {
                await client.SendAsync("x");
                await Task.Yield();
            }
        }
        catch (SocketException)
        {
            return "refused";
        }
    }
}
