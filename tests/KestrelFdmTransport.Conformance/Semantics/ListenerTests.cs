using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>Accepting, unbinding and disposing.</summary>
public sealed class ListenerTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const string Client = "client";

    public static TheoryData<TransportKind, Family> Families => Cases.Cross(OnFdm, [Family.IPv4, Family.Unix]);

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_cancelled_accept_throws_and_the_next_one_accepts(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        using var before = new CancellationTokenSource();
        await before.CancelAsync();
        await transcript.StepAsync(App, "cancelled before", () => AcceptAsync(bare.Listener, before.Token));

        using var meanwhile = new CancellationTokenSource();
        Task<string> accepting = AcceptAsync(bare.Listener, meanwhile.Token);
        transcript.Add(App, $"waits: {!accepting.IsCompleted}");
        await meanwhile.CancelAsync();
        await transcript.StepAsync(App, "cancelled meanwhile", () => accepting);

        using RawClient client = await RawClient.ConnectAsync(bare.Listener.EndPoint);
        using var later = new CancellationTokenSource();
        await transcript.StepAsync(App, "with a token", () => AcceptAsync(bare.Listener, later.Token));
        await later.CancelAsync();
        transcript.Add(Client, await OutcomeAsync(client));
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Accepts_that_wait_at_the_same_time_each_get_a_connection(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        const int Count = 4;
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        var accepting = new List<Task<ConnectionContext?>>();
        for (int i = 0; i < Count; i++)
        {
            accepting.Add(bare.Listener.AcceptAsync().AsTask());
        }

        var clients = new List<RawClient>();
        for (int i = 0; i < Count; i++)
        {
            clients.Add(await RawClient.ConnectAsync(bare.Listener.EndPoint));
        }

        ConnectionContext?[] connections = await Task.WhenAll(accepting).Within();
        IEnumerable<string> expected = clients.Select(client => client.LocalEndPoint.ToString()!).Order(
            StringComparer.Ordinal);
        IEnumerable<string> actual = connections.Select(connection => connection!.RemoteEndPoint!.ToString()!).Order(
            StringComparer.Ordinal);
        transcript.Add(App, $"one each: {expected.SequenceEqual(actual, StringComparer.Ordinal)}");

        Task<string>[] waiting = [AcceptAsync(bare.Listener), AcceptAsync(bare.Listener)];
        await bare.Listener.UnbindAsync().Within();
        foreach (Task<string> accept in waiting)
        {
            await transcript.StepAsync(App, "unbound while it waited", () => accept);
        }

        foreach (ConnectionContext? connection in connections)
        {
            await connection!.DisposeAsync().Within();
        }

        clients.ForEach(client => client.Dispose());
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Once_unbound_every_accept_returns_null(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        Task<string> waiting = AcceptAsync(bare.Listener);
        await transcript.StepAsync(
            App, "unbind with a cancelled token", async () => await bare.Listener.UnbindAsync(cancelled.Token));
        await transcript.StepAsync(App, "waiting", () => waiting);
        await transcript.StepAsync(App, "later", () => AcceptAsync(bare.Listener));
        await transcript.StepAsync(App, "unbind again", async () => await bare.Listener.UnbindAsync());
        await transcript.StepAsync(App, "later still", () => AcceptAsync(bare.Listener));
        await transcript.StepAsync(App, "dispose", async () => await bare.Listener.DisposeAsync());
        await transcript.StepAsync(App, "after disposal", () => AcceptAsync(bare.Listener));
        await transcript.StepAsync(App, "dispose again", async () => await bare.Listener.DisposeAsync());
        await transcript.StepAsync(App, "unbind after disposal", async () => await bare.Listener.UnbindAsync());
        transcript.AddLog(bare.Logs);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Once_unbound_an_accept_with_a_cancelled_token_ends_in_the_same_way(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await bare.Listener.UnbindAsync().Within();
        await transcript.StepAsync(App, "accept", () => AcceptAsync(bare.Listener, cancelled.Token));
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Disposal_without_unbind_ends_a_waiting_accept_with_null(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        EndPoint endPoint = bare.Listener.EndPoint;
        Task<string> waiting = AcceptAsync(bare.Listener);
        await bare.Listener.DisposeAsync().Within();
        await transcript.StepAsync(App, "waiting", () => waiting);
        await transcript.StepAsync(Client, "connect", () => RawClient.ConnectAsync(endPoint));
        transcript.AddLog(bare.Logs);
    });

    [SkippableTheory, MemberData(nameof(Families))]
    public Task Connections_live_on_after_the_unbind(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        await listener.UnbindAsync().Within();
        await transcript.StepAsync(Client, "another connect", () => RawClient.ConnectAsync(listener.EndPoint));

        await client.SendAsync("ping");
        await transcript.StepAsync(App, "read", () => connection.ReadTextAsync(4));
        await transcript.StepAsync(App, "write", () => connection.WriteTextAsync("pong"));
        transcript.Add(Client, await client.ReadTextAsync(4));
        client.HalfClose();
        await transcript.StepAsync(App, "read to end", connection.ReadToEndAsync);
        await connection.DisposeAsync().Within();
        transcript.Add(Client, await OutcomeAsync(client));
        client.Dispose();
        transcript.AddLog(host.Logs);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Clients_that_were_not_accepted_are_reset_when_the_listener_is_disposed(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        using RawClient silent = await RawClient.ConnectAsync(bare.Listener.EndPoint);
        using RawClient talking = await RawClient.ConnectAsync(bare.Listener.EndPoint);
        await talking.SendAsync("hello");
        await bare.Listener.DisposeAsync().Within();
        transcript.Add(Client, await OutcomeAsync(silent));
        transcript.Add(Client, await OutcomeAsync(talking));
    });

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Clients_that_reset_before_they_are_accepted_do_not_end_the_accepting(TransportKind transport)
    {
        const int Count = 20;
        BareTransport bare = await BareTransport.StartAsync(transport);
        CheckAfterwards(bare, bare.Logs);
        for (int i = 0; i < Count; i++)
        {
            RawClient gone = await RawClient.ConnectAsync(bare.Listener.EndPoint);
            gone.Reset();
        }

        using RawClient alive = await RawClient.ConnectAsync(bare.Listener.EndPoint);
        ConnectionContext connection;
        while (!(connection = await bare.AcceptAsync()).RemoteEndPoint!.Equals(alive.LocalEndPoint))
        {
            Exception? failure = await Record.ExceptionAsync(connection.ReadToEndAsync);
            Assert.IsType<ConnectionResetException>(failure);
            Assert.IsType<SocketException>(failure.InnerException);
            await connection.DisposeAsync().Within();
        }

        await alive.SendAsync("x");
        Assert.Equal("x", await connection.ReadTextAsync(1));
        await connection.DisposeAsync().Within();
        await alive.AssertFinAsync();
        bare.Logs.AssertNothingFromTheTransportAbove(LogLevel.Debug);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_client_that_resets_before_it_is_accepted_is_an_ordinary_reset_connection(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        RawClient client = await RawClient.ConnectAsync(bare.Listener.EndPoint);
        EndPoint remote = client.LocalEndPoint;
        client.Reset();
        ConnectionContext connection = await bare.AcceptAsync();
        transcript.Add(
            App,
            $"endpoints known: {remote.Equals(connection.RemoteEndPoint)} "
                + $"{bare.Listener.EndPoint.Equals(connection.LocalEndPoint)}");
        await transcript.StepAsync(App, "read", connection.ReadOnceAsync);
        await transcript.StepAsync(App, "closed", connection.ClosedAsync);
        await transcript.StepAsync(App, "dispose", async () => await connection.DisposeAsync());
        transcript.AddLog(bare.Logs);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task What_a_client_sent_before_it_was_accepted_is_there(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        using RawClient client = await RawClient.ConnectAsync(bare.Listener.EndPoint);
        await client.SendAsync("first");
        client.HalfClose();
        ConnectionContext connection = await bare.AcceptAsync();

        // Receiving does not wait for a read.
        await transcript.StepAsync(App, "closed", connection.ClosedAsync);
        await transcript.StepAsync(App, "read", connection.ReadToEndAsync);
        await connection.DisposeAsync().Within();
        transcript.Add(Client, await OutcomeAsync(client));
        transcript.AddLog(bare.Logs);
    });

    private static Task<string> AcceptAsync(IConnectionListener listener, CancellationToken cancellationToken = default)
    {
        return Core();

        async Task<string> Core()
        {
            ConnectionContext? connection = await listener.AcceptAsync(cancellationToken);
            if (connection is null)
            {
                return "null";
            }

            await connection.DisposeAsync();
            return "a connection";
        }
    }

    private static Task<string> OutcomeAsync(RawClient client)
        => Observe.OutcomeAsync(async () => $"{(await client.ReadToEndAsync()).Length} bytes and FIN");
}
