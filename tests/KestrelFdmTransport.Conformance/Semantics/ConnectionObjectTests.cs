using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>The properties of a connection, while it lives.</summary>
public sealed class ConnectionObjectTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";
    private const string Client = "client";

    public static TheoryData<TransportKind, Family> Families
        => Cases.Cross(OnFdm, [Family.IPv4, Family.IPv6, Family.Unix]);

    [SkippableTheory, MemberData(nameof(Families))]
    public Task Its_endpoints_are_of_the_same_kind_and_can_be_replaced(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        (RawClient client, ConnectionContext connection) = await TransportHost.ConnectAsync(listener);
        transcript.Add(
            App,
            $"{connection.LocalEndPoint!.GetType().Name} {connection.LocalEndPoint.AddressFamily} "
                + $"{EndPoints.Same(client.RemoteEndPoint, connection.LocalEndPoint)}");
        transcript.Add(
            App,
            $"{connection.RemoteEndPoint!.GetType().Name} {connection.RemoteEndPoint.AddressFamily} "
                + $"{EndPoints.Same(client.LocalEndPoint, connection.RemoteEndPoint)}");
        transcript.Add(
            App,
            $"steady: {ReferenceEquals(connection.LocalEndPoint, connection.LocalEndPoint)} "
                + $"{ReferenceEquals(connection.RemoteEndPoint, connection.RemoteEndPoint)}");
        connection.LocalEndPoint = null;
        connection.RemoteEndPoint = new DnsEndPoint("elsewhere", 1);
        transcript.Step(App, "replaced", () => $"{connection.LocalEndPoint} {connection.RemoteEndPoint}");
        client.Dispose();
        await connection.DisposeAsync().Within();
    });

    [SkippableTheory, MemberData(nameof(OnFdm))]
    public Task A_client_that_came_over_IPv4_to_the_IPv6_wildcard_has_a_mapped_address(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        IPv6.SkipIfMissing();
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync(new IPEndPoint(IPAddress.IPv6Any, 0));
        using RawClient client = await RawClient.ConnectAsync(
            new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)listener.EndPoint).Port));
        ConnectionContext connection = await TransportHost.AcceptAsync(listener);
        var remote = (IPEndPoint)connection.RemoteEndPoint!;
        var local = (IPEndPoint)connection.LocalEndPoint!;
        transcript.Add(
            App,
            $"{remote.Address} {remote.AddressFamily} {remote.Port == ((IPEndPoint)client.LocalEndPoint).Port}");
        transcript.Add(
            App,
            $"{local.Address} {local.AddressFamily} {local.Port == ((IPEndPoint)client.RemoteEndPoint).Port}");
        await connection.DisposeAsync().Within();
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_client_with_a_path_of_its_own_shows_it(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        foreach (string prefix in new[] { "\0fdm-", Path.GetTempPath() + "fdm-" })
        {
            IConnectionListener listener = await host.BindAsync(
                new UnixDomainSocketEndPoint($"{prefix}{Guid.NewGuid():N}"));
            var own = new UnixDomainSocketEndPoint($"{prefix}{Guid.NewGuid():N}");
            using var client = new Socket(
                AddressFamily.Unix,
                SocketType.Stream,
                ProtocolType.Unspecified);
            client.Bind(own);
            await client.ConnectAsync(listener.EndPoint).Within();
            ConnectionContext connection = await TransportHost.AcceptAsync(listener);
            transcript.Add(
                App,
                $"remote: {EndPoints.Same(own, connection.RemoteEndPoint)} {own.Equals(connection.RemoteEndPoint)}");
            transcript.Add(
                App,
                $"local: {EndPoints.Same(listener.EndPoint, connection.LocalEndPoint)} "
                    + $"{listener.EndPoint.Equals(connection.LocalEndPoint)}");
            client.Dispose();
            await connection.DisposeAsync().Within();
        }
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Its_id_is_steady_unique_and_settable(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < 3; i++)
        {
            (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
            string id = connection.ConnectionId;
            transcript.Add(
                App,
                $"{id.Length} new: {ids.Add(id)} steady: {ReferenceEquals(id, connection.ConnectionId)}");
            IConnectionIdFeature feature = connection.Features.GetRequiredFeature<IConnectionIdFeature>();
            transcript.Add(App, $"same as the feature's: {ReferenceEquals(id, feature.ConnectionId)}");
            feature.ConnectionId = "by feature";
            transcript.Add(App, connection.ConnectionId);
            connection.ConnectionId = "by property";
            transcript.Add(App, connection.Features.GetRequiredFeature<IConnectionIdFeature>().ConnectionId);
            connection.ConnectionId = null!;
            transcript.Step(
                App, "set to null", () => $"{connection.ConnectionId.Length} new: {ids.Add(connection.ConnectionId)}");
            connection.ConnectionId = "in the log";
            connection.Abort();
            client.Dispose();
            await connection.DisposeAsync().Within();
        }

        transcript.AddLog(bare.Logs);
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Its_items_keep_what_is_put_in(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        IDictionary<object, object?> items = connection.Items;
        IConnectionItemsFeature feature = connection.Features.GetRequiredFeature<IConnectionItemsFeature>();
        items["key"] = "value";
        transcript.Add(
            App,
            $"{items.GetType().Name} steady: {ReferenceEquals(items, connection.Items)} "
                + $"{ReferenceEquals(items, feature.Items)}");
        transcript.Step(App, "missing", () => $"{connection.Items["missing"] ?? "null"}");
        feature.Items = new Dictionary<object, object?> { ["key"] = "replaced" };
        transcript.Step(App, "replaced", () => $"{connection.Items["key"]}");
        connection.Items = null!;
        transcript.Step(App, "set to null", () => $"{connection.Items.Count} {feature.Items.Count}");
        client.Dispose();
        await connection.DisposeAsync().Within();
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_replaced_transport_is_left_alone_and_the_original_one_completed(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        IDuplexPipe original = connection.Transport;
        IConnectionTransportFeature feature = connection.Features.GetRequiredFeature<IConnectionTransportFeature>();
        transcript.Add(
            App,
            $"steady: {ReferenceEquals(original, connection.Transport)} "
                + $"{ReferenceEquals(original, feature.Transport)}");
        transcript.Add(
            App,
            $"ends: {ReferenceEquals(original.Input, connection.Transport.Input)} "
                + $"{ReferenceEquals(original.Output, connection.Transport.Output)}");

        var pipe = new Pipe();
        feature.Transport = new Replacement(pipe);
        transcript.Add(App, $"replaced: {ReferenceEquals(pipe.Reader, connection.Transport.Input)}");
        await transcript.StepAsync(
            App,
            "write to the original",
            async () => ConnectionExtensions.Describe(await original.Output.WriteAsync("bye"u8.ToArray())));
        await transcript.StepAsync(App, "dispose", async () => await connection.DisposeAsync());
        transcript.Add(Client, $"{(await client.ReadToEndAsync()).Length} bytes and FIN");
        transcript.Add(App, $"replaced still: {ReferenceEquals(pipe.Reader, connection.Transport.Input)}");
        await transcript.StepAsync(
            App,
            "write to the replacement",
            async () => ConnectionExtensions.Describe(await pipe.Writer.WriteAsync("x"u8.ToArray())));
        await transcript.StepAsync(App, "read from the replacement", connection.ReadOnceAsync);
        await transcript.StepAsync(
            App, "read from the original", async () => $"{(await original.Input.ReadAsync()).Buffer.Length}");
        client.Dispose();
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task ConnectionClosed_is_the_same_token_before_and_after(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        IConnectionLifetimeFeature feature = connection.Features.GetRequiredFeature<IConnectionLifetimeFeature>();
        CancellationToken token = connection.ConnectionClosed;
        transcript.Add(
            App,
            $"{token.CanBeCanceled} {token.IsCancellationRequested} {token == feature.ConnectionClosed}");
        client.HalfClose();
        await connection.ClosedAsync();
        transcript.Add(
            App,
            $"{token.IsCancellationRequested} {token == connection.ConnectionClosed} "
                + $"{token == feature.ConnectionClosed}");
        await connection.DisposeAsync().Within();
        client.Dispose();
        transcript.Add(
            App,
            $"{token.IsCancellationRequested} {token == connection.ConnectionClosed} "
                + $"{token == feature.ConnectionClosed}");
        bool called = false;
        transcript.Step(
            App,
            "register late",
            () => token.Register(() => called = true) == default ? $"no registration, called: {called}" : "registered");
    });

    /// <summary>On Sockets its wait handle is disposed of with the connection.</summary>
    [Theory, MemberData(nameof(OnFdm))]
    public async Task ConnectionClosed_keeps_its_wait_handle_after_disposal(TransportKind transport)
    {
        await using BareTransport bare = await BareTransport.StartAsync(transport);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        CancellationToken token = connection.ConnectionClosed;
        client.Dispose();
        await connection.DisposeAsync().Within();
        Assert.True(token.WaitHandle.WaitOne(0));
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task ConnectionClosed_can_be_asked_for_when_all_is_over(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        var tokens = new List<CancellationToken>();
        for (int i = 0; i < 2; i++)
        {
            (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
            client.Dispose();
            await connection.DisposeAsync().Within();
            tokens.Add(connection.ConnectionClosed);
            transcript.Add(
                App,
                $"{tokens[i].CanBeCanceled} {tokens[i].IsCancellationRequested} "
                    + $"{tokens[i] == connection.ConnectionClosed}");
        }

        transcript.Add(App, $"one each: {tokens.Distinct().Count() == tokens.Count}");
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_replaced_ConnectionClosed_is_not_the_one_that_fires(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        CancellationToken original = connection.ConnectionClosed;
        using var own = new CancellationTokenSource();
        connection.ConnectionClosed = own.Token;
        transcript.Add(App, $"replaced: {connection.ConnectionClosed == own.Token}");
        client.Dispose();
        await connection.DisposeAsync().Within();
        transcript.Add(
            App,
            $"original: {original.IsCancellationRequested} own: {own.IsCancellationRequested} shown: "
                + $"{connection.ConnectionClosed == own.Token}");
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_abort_by_each_of_its_names_gives_its_reason(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        Action<ConnectionContext>[] aborts =
        [
            connection => connection.Features.GetRequiredFeature<IConnectionLifetimeFeature>().Abort(),
            connection => connection.Abort(),
            connection => connection.Abort(
                new ConnectionAbortedException("Made by the case.", new InvalidOperationException("Inner."))),
            connection => connection.Abort(null!),
        ];
        foreach (Action<ConnectionContext> abort in aborts)
        {
            await using BareTransport bare = await BareTransport.StartAsync(kind);
            (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
            transcript.Step(App, "abort", () =>
            {
                abort(connection);
                return "done";
            });
            await transcript.StepAsync(App, "read", connection.ReadOnceAsync);
            await transcript.StepAsync(App, "dispose", async () => await connection.DisposeAsync());
            await transcript.StepAsync(
                Client, "read", async () => $"{(await client.ReadToEndAsync()).Length} bytes and FIN");
            transcript.AddLog(bare.Logs);
            client.Dispose();
        }
    });

    private sealed class Replacement(Pipe pipe) : IDuplexPipe
    {
        public PipeReader Input => pipe.Reader;

        public PipeWriter Output => pipe.Writer;
    }
}
