using System;
using System.Collections.Generic;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.SocketFeature;

/// <summary>An application that keeps the socket, or asks for it, when its connection has ended.</summary>
[Trait("Category", "Slow")]
public sealed class KeptSocketTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";

    private static readonly (string Name, Func<Socket, string> Use)[] s_uses =
    [
        ("available", socket => $"{socket.Available}"),
        ("connected", socket => $"{socket.Connected}"),
        ("bound", socket => $"{socket.IsBound}"),
        ("blocking", socket => $"{socket.Blocking}"),
        ("set blocking", socket => $"{socket.Blocking = true}"),
        ("family", socket => $"{socket.AddressFamily} {socket.SocketType} {socket.ProtocolType}"),
        ("local", socket => $"{socket.LocalEndPoint}"),
        ("remote", socket => $"{socket.RemoteEndPoint}"),
        ("no delay", socket => $"{socket.NoDelay}"),
        ("set no delay", socket => $"{socket.NoDelay = true}"),
        ("linger", socket => $"{socket.LingerState!.Enabled}"),
        ("buffer", socket => $"{socket.SendBufferSize}"),
        ("option", socket => $"{socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)}"),
        ("raw option", socket => $"{socket.GetRawSocketOption(1, 3, new byte[4])}"),
        ("set option", socket =>
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
            return "done";
        }),
        ("poll", socket => $"{socket.Poll(0, SelectMode.SelectRead)}"),
        ("send", socket => $"{socket.Send("intruder"u8)}"),
        ("receive", socket => $"{socket.Receive(new byte[1])}"),
        ("send async", socket => $"{socket.SendAsync("intruder"u8.ToArray()).Wait(Eventually.Limit)}"),
        ("receive async", socket => $"{socket.ReceiveAsync(new byte[1]).Wait(Eventually.Limit)}"),
        ("accept", socket => $"{socket.Accept() is null}"),
        ("shutdown", socket => SocketScene.Apply(socket, SocketOperation.ShutdownBoth)),
        ("disconnect", socket => SocketScene.Apply(socket, SocketOperation.Disconnect)),
        ("handle", socket => $"{socket.SafeHandle.IsClosed} {socket.SafeHandle.IsInvalid}"),
        ("close", socket => SocketScene.Apply(socket, SocketOperation.Close)),
        ("close at once", socket => SocketScene.Apply(socket, SocketOperation.CloseAtOnce)),
        ("dispose", socket => SocketScene.Apply(socket, SocketOperation.Dispose)),
    ];

    public static TheoryData<TransportKind, Family> Families => Cases.Cross(OnFdm, [Family.IPv4, Family.Unix]);

    public static TheoryData<TransportKind, Family> FamiliesOnBoth => Cases.Cross(OnBoth, [Family.IPv4, Family.Unix]);

    [Theory, MemberData(nameof(Families))]
    public Task Every_use_of_a_socket_that_was_kept_ends_in_the_same_way(TransportKind transport, Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family);
        Socket socket = scene.Connection.GetSocket();
        await scene.Connection.DisposeAsync().Within();
        transcript.Add(App, $"the feature still gives it: {ReferenceEquals(socket, scene.Connection.GetSocket())}");
        UseAll(transcript, socket);
    });

    [Theory, MemberData(nameof(Families))]
    public Task Every_use_of_a_socket_first_asked_for_afterwards_ends_in_the_same_way(
        TransportKind transport,
        Family family)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using SocketScene scene = await SocketScene.StartAsync(kind, family);
        await scene.Connection.DisposeAsync().Within();
        Socket socket = scene.Connection.GetSocket();
        transcript.Add(App, $"the same each time: {ReferenceEquals(socket, scene.Connection.GetSocket())}");

        // Known not to be the same: a socket that is made when the descriptor is gone was never bound.
        UseAll(transcript, socket, except: "bound");
    });

    [Theory, MemberData(nameof(FamiliesOnBoth))]
    public async Task A_kept_socket_never_touches_the_connections_that_come_after_it(
        TransportKind transport,
        Family family)
    {
        const int Kept = 8;
        const int Later = 32;
        await using SocketScene scene = await SocketScene.StartAsync(transport, family);
        var kept = new List<Socket>();
        for (int i = 0; i < Kept; i++)
        {
            (RawClient client, ConnectionContext connection) = await scene.ConnectAsync();
            kept.Add(connection.GetSocket());
            if (i % 2 == 0)
            {
                connection.Abort();
            }

            await connection.DisposeAsync().Within();
            client.Dispose();
        }

        // The kernel gives out the lowest free number, so these have the numbers of those that are gone.
        var later = new List<(RawClient Client, ConnectionContext Connection)>();
        for (int i = 0; i < Later; i++)
        {
            later.Add(await scene.ConnectAsync());
        }

        var misuse = new Transcript();
        foreach (Socket socket in kept)
        {
            UseAll(misuse, socket);
            Assert.Throws<ObjectDisposedException>(() => socket.Send("intruder"u8));
        }

        foreach ((RawClient client, ConnectionContext connection) in later)
        {
            await client.SendAsync("ping");
            Assert.Equal("ping", await connection.ReadTextAsync(4));
            await connection.WriteTextAsync("pong");
            Assert.Equal("pong", await client.ReadTextAsync(4));
            await connection.DisposeAsync().Within();
            await client.AssertFinAsync();
            client.Dispose();
        }
    }

    [Theory, MemberData(nameof(FamiliesOnBoth))]
    public async Task A_socket_that_is_closed_while_its_connection_lives_never_touches_others(
        TransportKind transport,
        Family family)
    {
        const int Rounds = 8;
        await using SocketScene scene = await SocketScene.StartAsync(transport, family);
        var later = new List<(RawClient Client, ConnectionContext Connection)>();
        for (int i = 0; i < Rounds; i++)
        {
            (RawClient client, ConnectionContext connection) = await scene.ConnectAsync();
            connection.GetSocket().Dispose();
            await connection.ClosedAsync();

            // Its number is free, and the connection not disposed of yet.
            later.Add(await scene.ConnectAsync());
            await SocketScene.WriteUntilCompletedAsync(connection);
            connection.Abort();
            await connection.DisposeAsync().Within();
            client.Dispose();
        }

        foreach ((RawClient client, ConnectionContext connection) in later)
        {
            await connection.WriteTextAsync("pong");
            Assert.Equal("pong", await client.ReadTextAsync(4));
            await connection.DisposeAsync().Within();
            await client.AssertFinAsync();
            client.Dispose();
        }
    }

    private static void UseAll(Transcript transcript, Socket socket, string? except = null)
    {
        foreach ((string name, Func<Socket, string> use) in s_uses)
        {
            if (!string.Equals(name, except, StringComparison.Ordinal))
            {
                transcript.Step(App, name, () => SocketScene.Use(socket, use));
            }
        }
    }
}
