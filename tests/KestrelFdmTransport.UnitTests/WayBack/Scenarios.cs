using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>What is made, moved and ended while a step fails.</summary>
internal static class Scenarios
{
    private const int Short = 100;
    private const int Long = 300_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(20);

    public static readonly IReadOnlyDictionary<string, Func<Scene, Task>> All =
        new Dictionary<string, Func<Scene, Task>>(StringComparer.Ordinal)
        {
            ["An endpoint is bound and unbound"] = scene => ServeAsync(scene, talk: null),
            ["Every loop has a listen socket of its own"] =
            scene => ServeAsync(scene, EchoToTheEndAsync, options => options.ReusePort = true),
            ["A client ends"] = scene => ServeAsync(scene, EchoToTheEndAsync),
            ["A client resets"] = scene => ServeAsync(scene, ResetAsync),
            ["A client sends and reads much"] = scene => ServeAsync(scene, client => Scene.ExchangeAsync(client, Long)),
            ["A client of an endpoint for all addresses"] =
            scene => ServeAsync(scene, EchoToTheEndAsync, endPoint: new IPEndPoint(IPAddress.Any, 0)),
            ["A listen socket is inherited"] = InheritAsync,
            ["The application aborts"] = AbortAsync,
            ["The application ends"] = EndAsync,
            ["The application takes the socket"] = TakeSocketAsync,
            ["A connection times out"] = TimeOutAsync,
            ["A connection moves to another loop"] = MoveAsync,
            ["A loop is handed over"] = HandOverAsync,
            ["A loop fails"] = FailAsync,
            ["Nothing accepts what has come"] = QueueAsync,
            ["A factory is disposed of with connections open"] = DisposeAsync,
            ["A connection is opened"] = ConnectAsync,
            ["A connection is refused"] = scene => FailToConnectAsync(scene, full: false, s_long, cancel: false),
            ["A TCP connection is refused"] =
            scene => FailToConnectAsync(scene, full: false, s_long, cancel: false, isTcp: true),
            ["An attempt to connect times out"] =
            scene => FailToConnectAsync(scene, full: true, s_short, cancel: false),
            ["An attempt to connect by TCP times out"] =
            scene => FailToConnectAsync(scene, full: true, s_short, cancel: false, isTcp: true),
            ["An attempt to connect is cancelled"] =
            scene => FailToConnectAsync(scene, full: true, s_long, cancel: true),
            ["An attempt to connect by TCP is cancelled"] =
            scene => FailToConnectAsync(scene, full: true, s_long, cancel: true, isTcp: true),
        };

    private static async Task ServeAsync(
        Scene scene, Func<Socket, Task>? talk, Action<FdmTransportOptions>? configure = null, EndPoint? endPoint = null)
    {
        FaultyServer server = await FaultyServer.StartAsync(
            scene, connection => Echo.RunAsync(connection.Transport), configure, endPoint);
        if (talk is not null)
        {
            await scene.TalkAsync(AddressOf(server), talk);
        }

        await server.StopAsync();
    }

    private static async Task InheritAsync(Scene scene)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await ServeAsync(
            scene, EchoToTheEndAsync, endPoint: new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Tcp));
    }

    private static EndPoint AddressOf(FaultyServer server)
        => server.EndPoint is IPEndPoint ip && ip.Address.Equals(IPAddress.Any)
            ? new IPEndPoint(IPAddress.Loopback, ip.Port)
            : server.EndPoint;

    private static async Task EchoToTheEndAsync(Socket client)
    {
        await Scene.ExchangeAsync(client, Short);
        client.Shutdown(SocketShutdown.Send);
        await Scene.ExpectEndAsync(client);
    }

    private static async Task EchoToTheResetAsync(Socket client)
    {
        await Scene.ExchangeAsync(client, Short);
        await client.SendAsync(new byte[1]);
        await ExpectResetAsync(client);
    }

    private static async Task ExpectResetAsync(Socket client)
    {
        try
        {
            await Scene.ExpectEndAsync(client);
        }
        catch (SocketException)
        {
            // As it should be, and a mere end would do.
        }
    }

    private static async Task ResetAsync(Socket client)
    {
        await Scene.ExchangeAsync(client, Short);
        client.LingerState = new LingerOption(true, 0);
    }

    private static async Task AbortAsync(Scene scene)
    {
        FaultyServer server = await FaultyServer.StartAsync(scene, async connection =>
        {
            await EchoOnceAsync(connection);
            await connection.Transport.Input.ReadAsync();
            connection.Abort(new FaultyReason(scene.Plan));
        });
        await scene.TalkAsync(server.EndPoint, EchoToTheResetAsync);
        await server.StopAsync();
    }

    private static async Task EndAsync(Scene scene)
    {
        FaultyServer server = await FaultyServer.StartAsync(scene, EchoOnceAsync);
        await scene.TalkAsync(server.EndPoint, async client =>
        {
            await Scene.ExchangeAsync(client, Short);
            await Scene.ExpectEndAsync(client);
        });
        await server.StopAsync();
    }

    private static async Task TakeSocketAsync(Scene scene)
    {
        FaultyServer server = await FaultyServer.StartAsync(scene, async connection =>
        {
            Socket socket = connection.Features.Get<IConnectionSocketFeature>()!.Socket;
            await EchoOnceAsync(connection);
            await connection.Transport.Input.ReadAsync();
            socket.Dispose();
        });
        await scene.TalkAsync(server.EndPoint, EchoToTheResetAsync);
        await server.StopAsync();
    }

    private static async Task TimeOutAsync(Scene scene)
    {
        scene.MayLoseIdle = true;
        FaultyServer server = await FaultyServer.StartAsync(
            scene,
            connection => Echo.RunAsync(connection.Transport),
            options => options.IdleTimeout = TimeSpan.FromMilliseconds(100));
        try
        {
            await scene.TalkAsync(server.EndPoint, ExpectResetAsync);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // On a busy machine the time is up before the client knows that it is connected.
        }

        await server.StopAsync();
    }

    private static async Task MoveAsync(Scene scene)
    {
        FaultyServer server = await FaultyServer.StartAsync(scene, connection => Echo.RunAsync(connection.Transport));
        await scene.TalkAsync(server.EndPoint, async client =>
        {
            await Scene.ExchangeAsync(client, Short);
            TryMove(server.Connections.Last().Io);
            await Scene.ExchangeAsync(client, Short);
        });
        await server.StopAsync();
    }

    /// <summary>As soon as the connection's application waits again, which it may never do if it has ended.</summary>
    private static void TryMove(ConnectionIo io)
    {
        bool moved = false;
        for (int i = 0; i < 1000 && !moved; i++)
        {
            EventLoop home = io.Loop;
            EventLoop[] loops = home.Group.Loops;
            EventLoop other = loops[(home.Index + 1) % loops.Length];
            LoopFixture.RunOn(home, () => moved = io.Loop == home && !home.HasFailed && home.TryMigrateTo(io, other));
        }
    }

    private static async Task HandOverAsync(Scene scene)
    {
        using var release = new ManualResetEventSlim();
        int blocked = 0;
        FaultyServer server = await FaultyServer.StartAsync(
            scene,
            async connection =>
            {
                await EchoOnceAsync(connection);
                ReadResult result = await connection.Transport.Input.ReadAsync();
                if (Interlocked.Exchange(ref blocked, 1) == 0)
                {
                    // On the loop, which another thread has to take over for the next client. If there is none, the
                    // loop waits for us.
                    while (!release.Wait(s_patience) && scene.Plan.Failed == 0)
                    {
                    }
                }

                await connection.Transport.Output.WriteAsync(result.Buffer.First);
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
                await Echo.RunAsync(connection.Transport);
            },
            options =>
            {
                options.LoopCount = 1;
                options.StallThreshold = TimeSpan.FromMilliseconds(1);
            });
        await scene.TalkAsync(server.EndPoint, async client =>
        {
            await Scene.ExchangeAsync(client, Short);
            Task blocking = Scene.ExchangeAsync(client, Short);
            await Eventually.UntilAsync(
                () => Volatile.Read(ref blocked) != 0 || blocking.IsCompleted,
                what: "the loop to be held");
            await scene.TalkAsync(server.EndPoint, async other =>
            {
                await Scene.ExchangeAsync(other, Short);
                release.Set();
                await Scene.ExchangeAsync(other, Short);
            });
            await blocking;
        });
        await server.StopAsync();
    }

    private static async Task FailAsync(Scene scene)
    {
        scene.MayLoseLoop = true;
        FaultyServer server = await FaultyServer.StartAsync(scene, connection => Echo.RunAsync(connection.Transport));
        using Socket open = Scene.NewClient(server.EndPoint);
        await scene.MayLoseAsync(() => open.ConnectAsync(server.EndPoint));
        EventLoop failed = server.Loops[0];
        await scene.AgainAsync(() =>
        {
            LoopFixture.Fail(failed);
            return Task.CompletedTask;
        });
        await Eventually.UntilAsync(() => failed.Join(TimeSpan.Zero), what: "the end of the loop");
        if (scene.Plan.Failed == 0)
        {
            await scene.TalkAsync(server.EndPoint, EchoToTheEndAsync);
        }

        open.Dispose();
        await server.EndAsync();
    }

    private static async Task QueueAsync(Scene scene)
    {
        FdmTransportFactory factory = await scene.StartFactoryAsync();
        IConnectionListener listener = await scene.AgainAsync(
            async () => await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0)));
        using Socket client = Scene.NewClient(listener.EndPoint);
        await scene.MayLoseAsync(async () =>
        {
            await client.ConnectAsync(listener.EndPoint);
            await client.SendAsync(new byte[Short]);
        });
        await Eventually.UntilAsync(
            () => scene.Plan.Failed > 0 || factory.GetLoopStatistics().Sum(static loop => loop.Connections)
                == 1 + scene.Bystanding,
            what: "the connection");
        await scene.EndAsync(() => listener.DisposeAsync(), "the end of the listener");
        await scene.EndFactoryAsync(factory);
    }

    private static async Task DisposeAsync(Scene scene)
    {
        const int Clients = 4;
        FaultyServer server = await FaultyServer.StartAsync(scene, connection => Echo.RunAsync(connection.Transport));
        List<Socket> clients = [];
        for (int i = 0; i < Clients; i++)
        {
            Socket client = Scene.NewClient(server.EndPoint);
            clients.Add(client);
            await scene.MayLoseAsync(async () =>
            {
                await client.ConnectAsync(server.EndPoint);
                await Scene.ExchangeAsync(client, Short);
            });
        }

        await scene.EndFactoryAsync(server.Factory);
        await server.EndAsync();
        clients.ForEach(static client => client.Dispose());
    }

    private static async Task ConnectAsync(Scene scene)
    {
        FaultyServer server = await FaultyServer.StartAsync(scene, connection => Echo.RunAsync(connection.Transport));
        var connections = new FdmConnectionFactory(server.Factory);
        await scene.AgainAsync(async () =>
        {
            ConnectionContext connection = await connections.ConnectAsync(
                new FaultyEndPoint(scene.Plan, (IPEndPoint)server.EndPoint));
            try
            {
                await connection.Transport.Output.WriteAsync(new byte[Short]);
                ReadResult result = await connection.Transport.Input.ReadAtLeastAsync(Short);
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
                if (result.Buffer.Length < Short)
                {
                    throw new EndOfStreamException();
                }
            }
            finally
            {
                await scene.EndAsync(() => connection.DisposeAsync(), "DisposeAsync of a connection that was opened");
            }
        });
        await server.UntilUnusedAsync();
        await scene.EndAsync(() => connections.DisposeAsync(), "the end of the connection factory");
        await server.StopAsync();
    }

    private static async Task FailToConnectAsync(
        Scene scene, bool full, TimeSpan timeout, bool cancel, bool isTcp = false)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        EndPoint bound = isTcp ? new IPEndPoint(IPAddress.Loopback, 0) : new UnixDomainSocketEndPoint(path);
        using Socket listener = Scene.NewClient(bound);
        using Socket other = Scene.NewClient(bound);
        listener.Bind(bound);
        EndPoint endPoint = listener.LocalEndPoint is IPEndPoint ip ? new FaultyEndPoint(scene.Plan, ip) : bound;
        if (full)
        {
            listener.Listen(0);
            other.Connect(listener.LocalEndPoint!);
        }

        FdmTransportFactory factory =
            await scene.StartFactoryAsync(options => options.ConnectTimeout = timeout);
        var connections = new FdmConnectionFactory(factory);
        for (int i = 0; i < 2; i++)
        {
            using var source = new CancellationTokenSource();
            Task<ConnectionContext> attempt = Task.Run(() => connections.ConnectAsync(endPoint, source.Token).AsTask());
            if (cancel)
            {
                source.CancelAfter(TimeSpan.FromMilliseconds(5));
            }

            await attempt.ContinueWith(static _ => { }, TaskScheduler.Default).Within("the end of the attempt");
            if (attempt.IsCompletedSuccessfully)
            {
                throw new Xunit.Sdk.XunitException("There was nothing to connect to.");
            }
        }

        await scene.EndAsync(() => connections.DisposeAsync(), "the end of the connection factory");
        await scene.EndFactoryAsync(factory);
        File.Delete(path);
    }

    private static async Task EchoOnceAsync(FdmConnection connection)
    {
        ReadResult result = await connection.Transport.Input.ReadAtLeastAsync(Short);
        foreach (ReadOnlyMemory<byte> part in result.Buffer)
        {
            await connection.Transport.Output.WriteAsync(part);
        }

        connection.Transport.Input.AdvanceTo(result.Buffer.End);
    }
}
