using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>An endpoint whose connections send back what they receive, and what became of them.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly CheckingMemoryPoolFactory _pool;
    private readonly ConcurrentQueue<Exception> _errors = new();
    private readonly FdmTransportFactory _factory;
    private readonly IConnectionListener _listener;
    private readonly Task _accepting;

    private EchoServer(
        FdmTransportFactory factory, IConnectionListener listener, EventCounter events, CheckingMemoryPoolFactory pool)
    {
        _factory = factory;
        _listener = listener;
        _pool = pool;
        Events = events;
        _accepting = AcceptAsync();
    }

    public EventCounter Events { get; }

    public EndPoint EndPoint => _listener.EndPoint;

    public FdmTransportFactory Transport => _factory;

    /// <summary>What the application's calls have thrown.</summary>
    public IReadOnlyCollection<Exception> Errors => _errors;

    public static async Task<EchoServer> StartAsync(ApplicationScheduling scheduling)
    {
        var events = new EventCounter();
        var pool = new CheckingMemoryPoolFactory();
        var factory = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 2, Scheduling = scheduling }), events, pool);
        return new EchoServer(factory, await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0)), events, pool);
    }

    /// <summary>The errors that are a socket's, however they are wrapped.</summary>
    public IEnumerable<SocketError> SocketErrors()
        => _errors.Select(error => error as SocketException ?? error.InnerException as SocketException)
            .Where(error => error is not null)
            .Select(error => error!.SocketErrorCode);

    /// <summary>Nothing is left when it is over.</summary>
    public async ValueTask DisposeAsync()
    {
        await _listener.UnbindAsync();
        await _accepting.Within("the end of all connections");
        await _listener.DisposeAsync();
        await _factory.DisposeAsync();
        _pool.AssertAllReturned();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        while (await _listener.AcceptAsync() is { } connection)
        {
            connections.Add(EchoAsync(connection));
        }

        await Task.WhenAll(connections);
    }

    private async Task EchoAsync(ConnectionContext connection)
    {
        try
        {
            await Echo.RunAsync(connection.Transport);
        }
        catch (Exception exception)
        {
            _errors.Enqueue(exception);
        }

        await connection.DisposeAsync();
    }
}
