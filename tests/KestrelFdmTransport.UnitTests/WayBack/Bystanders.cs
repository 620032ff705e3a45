using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>
/// Another endpoint of the same transport, with a client on every loop. They are served while user code waits
/// elsewhere.
/// </summary>
/// <remarks>
/// Under <see cref="ApplicationScheduling.ThreadPool"/> no thread takes a loop over. There, what waits on the loop
/// itself (a log, a pool) holds the connections of that loop, as it holds those of an IO queue on the Sockets
/// transport. So only those of the other loops are looked at.
/// </remarks>
#pragma warning disable CA1001 // What it has makes no wait handle, so there is nothing to dispose of.
internal sealed class Bystanders
#pragma warning restore CA1001
{
    private const int Length = 100;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly FdmTransportFactory _factory;
    private readonly IConnectionListener _listener;
    private readonly List<Socket> _clients = [];
    private readonly ConcurrentDictionary<FdmConnection, bool> _connections = [];
    private readonly SemaphoreSlim _one = new(1);
    private readonly Task _accepting;
    private bool _ended;

    private Bystanders(FdmTransportFactory factory, IConnectionListener listener)
    {
        _factory = factory;
        _listener = listener;
        _accepting = AcceptAsync();
    }

    /// <summary>Their connections.</summary>
    public int Served => _connections.Count;

    public static async Task<Bystanders> StartAsync(FdmTransportFactory factory)
    {
        var bystanders = new Bystanders(factory, await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0)));
        do
        {
            bystanders._clients.Add(await bystanders.ConnectAsync());
        }
        while (factory.GetLoopStatistics().Any(static loop => loop.Connections == 0));
        return bystanders;
    }

    /// <summary>Throws unless they are served now.</summary>
    /// <param name="looksAtOld">False if those that are there do not count.</param>
    /// <param name="looksAtNew">False if one that comes now does not count.</param>
    /// <param name="heldLoop">The loop whose connections may wait; null if none may.</param>
    /// <param name="mayBeLost">True if a connection may end.</param>
    public async Task CheckAsync(bool looksAtOld, bool looksAtNew, string? heldLoop, bool mayBeLost)
    {
        await _one.WaitAsync();
        try
        {
            if (_ended)
            {
                return;
            }

            List<Task> served = looksAtNew ? [ComeAsync(mayBeLost)] : [];
            if (looksAtOld)
            {
                served.AddRange(
                    _clients.Where(client => heldLoop is null || !IsOn(client, heldLoop))
                        .Select(client => ExchangeAsync(client, mayBeLost)));
            }

            await Task.WhenAll(served).WaitAsync(s_patience);
        }
        finally
        {
            _one.Release();
        }
    }

    public async Task EndAsync()
    {
        await _one.WaitAsync();
        _ended = true;
        _one.Release();
        _clients.ForEach(static client => client.Dispose());
        await Eventually.UntilAsync(() => Served == 0, what: "the end of the bystanders");
        await _listener.DisposeAsync();
        await _accepting.Within("the end of accepting bystanders");
    }

    private static async Task ExchangeAsync(Socket client, bool mayBeLost)
    {
        try
        {
            await Scene.ExchangeAsync(client, Length);
        }
        catch (Exception exception) when (mayBeLost && exception is SocketException or EndOfStreamException)
        {
            // Its loop has failed, or it has been idle for too long.
        }
    }

    private bool IsOn(Socket client, string loop)
        => !_connections.Keys.Any(
            connection => client.LocalEndPoint!.Equals(connection.RemoteEndPoint)
                && !string.Equals(connection.Io.Loop.Name, loop, StringComparison.Ordinal));

    private async Task ComeAsync(bool mayBeLost)
    {
        using Socket client = Scene.NewClient(_listener.EndPoint);
        await client.ConnectAsync(_listener.EndPoint);
        await ExchangeAsync(client, mayBeLost);
    }

    private async Task<Socket> ConnectAsync()
    {
        Socket client = Scene.NewClient(_listener.EndPoint);
        try
        {
            await client.ConnectAsync(_listener.EndPoint);
            await Scene.ExchangeAsync(client, Length);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (await _listener.AcceptAsync() is { } connection)
            {
                _connections.TryAdd((FdmConnection)connection, value: true);
                _ = Task.Run(() => ServeAsync((FdmConnection)connection));
            }
        }
        catch (Exception) when (_factory.GetLoopStatistics().Count > 0)
        {
            // A loop was given up.
        }
    }

    private async Task ServeAsync(FdmConnection connection)
    {
        try
        {
            await Echo.RunAsync(connection.Transport);
        }
        catch (Exception exception) when (exception is IOException or ConnectionAbortedException)
        {
            // Its loop has failed, or it has been reset or idle for too long.
        }

        await connection.DisposeAsync();
        _connections.TryRemove(connection, out _);
    }
}
