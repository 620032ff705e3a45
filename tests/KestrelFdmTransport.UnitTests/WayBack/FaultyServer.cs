using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.EventLoops;
using Microsoft.AspNetCore.Connections;
using Xunit.Sdk;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>An endpoint in a process in which steps fail.</summary>
internal sealed class FaultyServer
{
    private readonly AsyncLocal<int> _local;
    private readonly Scene _scene;
    private readonly Func<FdmConnection, Task> _serve;
    private readonly ConcurrentBag<Task> _serving = [];
    private readonly Task _accepting;

    private FaultyServer(
        Scene scene, FdmTransportFactory factory, FdmConnectionListener listener, Func<FdmConnection, Task> serve)
    {
        _scene = scene;
        _local = new AsyncLocal<int>(_ => scene.Plan.ReachIfHeld("AsyncLocal"));
        _serve = serve;
        Factory = factory;
        Listener = listener;
        scene.Made.Add(new WeakReference(listener));
        scene.Made.AddRange(Loops.Select(static loop => new WeakReference(loop)));
        _accepting = AcceptAsync();
    }

    public FdmTransportFactory Factory { get; }

    public FdmConnectionListener Listener { get; }

    public EventLoop[] Loops => Listener.Loops.Loops;

    public EndPoint EndPoint => Listener.EndPoint;

    /// <summary>What came to be served, in that order.</summary>
    public ConcurrentQueue<FdmConnection> Connections { get; } = [];

    public static async Task<FaultyServer> StartAsync(
        Scene scene,
        Func<FdmConnection, Task> serve,
        Action<FdmTransportOptions>? configure = null,
        EndPoint? endPoint = null)
    {
        FdmTransportFactory factory = await scene.StartFactoryAsync(configure);
        endPoint ??= new FaultyEndPoint(scene.Plan, new IPEndPoint(IPAddress.Loopback, 0));
        IConnectionListener listener = await scene.AgainAsync(async () => await factory.BindAsync(endPoint));
        return new FaultyServer(scene, factory, (FdmConnectionListener)listener, serve);
    }

    /// <summary>With all connections over and each place in the queue given back.</summary>
    public async Task StopAsync()
    {
        await UntilUnusedAsync();
        await EndAsync();
    }

    public async Task UntilUnusedAsync()
    {
        await _scene.RecordMetersAsync();
        await Eventually.UntilAsync(
            () => _serving.All(static task => task.IsCompleted),
            what: "the end of the connections' applications");
        await Eventually.UntilAsync(
            () => Loops.Sum(static loop => loop.ConnectionCount) == _scene.Bystanding,
            what: "the end of the connections");
        await Eventually.UntilAsync(() => Listener.Queue.Reserved == 0, what: "the places in the accept queue");
    }

    /// <summary>Ends everything that was started.</summary>
    public async Task EndAsync()
    {
        await _scene.EndAsync(() => Listener.UnbindAsync(), "the unbinding");
        await _accepting.Within("the end of accepting");
        await _scene.EndAsync(() => Listener.DisposeAsync(), "the end of the listener");
        await _scene.EndFactoryAsync(Factory);
        await Task.WhenAll(_serving).Within("the end of the connections");
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (await Listener.AcceptAsync() is FdmConnection connection)
            {
                Connections.Enqueue(connection);
                _scene.Made.Add(new WeakReference(connection));
                _serving.Add(Task.Run(() => ServeAsync(connection)));
            }
        }
        catch (Exception) when (_scene.MayLoseLoop && _scene.Plan.Failed > 0)
        {
            // Documented: the loop is given up, and accepting ends with the cause.
        }
    }

    private async Task ServeAsync(FdmConnection connection)
    {
        try
        {
            connection.ConnectionClosed.Register(() => _scene.Plan.Reach("ConnectionClosed"));
            _local.Value = 1;
            await _serve(connection);
        }
        catch (Exception exception) when (exception is not (XunitException or TimeoutException))
        {
            // The application's failure: an exception of a pipe or of the memory.
        }

        await _scene.EndAsync(() => connection.DisposeAsync(), "DisposeAsync of a connection");
    }
}
