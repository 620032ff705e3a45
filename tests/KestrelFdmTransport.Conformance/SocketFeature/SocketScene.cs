using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Xunit;

namespace KestrelFdmTransport.Conformance.SocketFeature;

/// <summary>One connection whose socket the application has in its hands.</summary>
internal sealed class SocketScene : IAsyncDisposable
{
    private const int ErrorEvent = 14;

    private readonly TransportHost _host;
    private readonly IConnectionListener _listener;

    private SocketScene(
        TransportHost host, IConnectionListener listener, RawClient client, ConnectionContext connection)
    {
        _host = host;
        _listener = listener;
        Client = client;
        Connection = connection;
    }

    public RawClient Client { get; }

    public ConnectionContext Connection { get; }

    public LogCollector Logs => _host.Logs;

    public static TheoryData<TransportKind, Family, SocketOperation> Operations(IEnumerable<object?[]> transports)
    {
        var rows = new TheoryData<TransportKind, Family, SocketOperation>();
        foreach (TransportKind transport in transports.Select(row => (TransportKind)row[0]!))
        {
            foreach (SocketOperation operation in Enum.GetValues<SocketOperation>())
            {
                rows.Add(transport, Family.IPv4, operation);
                rows.Add(transport, Family.Unix, operation);
            }
        }

        return rows;
    }

    public static async Task<SocketScene> StartAsync(
        TransportKind transport,
        Family family,
        Action<SocketTransportOptions>? options = null,
        int? receiveBufferSize = null)
    {
        TransportHost host = TransportHost.Create(transport, options);
        IConnectionListener listener = await host.BindAsync(EndPoints.Fresh(family));
        (RawClient client, ConnectionContext connection) =
            await TransportHost.ConnectAsync(listener, receiveBufferSize);
        return new SocketScene(host, listener, client, connection);
    }

    public static string Apply(Socket socket, SocketOperation operation)
    {
        switch (operation)
        {
            case SocketOperation.ShutdownSend:
                socket.Shutdown(SocketShutdown.Send);
                break;
            case SocketOperation.ShutdownReceive:
                socket.Shutdown(SocketShutdown.Receive);
                break;
            case SocketOperation.ShutdownBoth:
                socket.Shutdown(SocketShutdown.Both);
                break;
            case SocketOperation.Close:
                socket.Close();
                break;
            case SocketOperation.CloseAtOnce:
                socket.Close(timeout: 0);
                break;
            case SocketOperation.Dispose:
                socket.Dispose();
                break;
            default:
                socket.Disconnect(reuseSocket: false);
                break;
        }

        return "done";
    }

    /// <summary>Says only that a socket is disposed of: the message names its class.</summary>
    public static string Use(Socket socket, Func<Socket, string> use)
    {
        try
        {
            return use(socket);
        }
        catch (ObjectDisposedException)
        {
            return "is disposed";
        }
    }

    /// <summary>A further connection of the same listener.</summary>
    public Task<(RawClient Client, ConnectionContext Server)> ConnectAsync() => TransportHost.ConnectAsync(_listener);

    /// <summary>All that the client gets, and how it ends.</summary>
    public async Task<string> ClientOutcomeAsync()
    {
        byte[] chunk = new byte[64 * 1024];
        long length = 0;
        try
        {
            int count;
            while ((count = await Client.ReadAsync(chunk)) != 0)
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

    /// <summary>Writes until the transport reports that the output has ended.</summary>
    public Task<string> WriteUntilCompletedAsync() => WriteUntilCompletedAsync(Connection);

    /// <summary>Writes until the transport reports that the output has ended.</summary>
    public static async Task<string> WriteUntilCompletedAsync(ConnectionContext connection)
    {
        byte[] bytes = "x"u8.ToArray();
        while (!(await connection.Transport.Output.WriteAsync(bytes).Within("a flush")).IsCompleted)
        {
            await Task.Yield();
        }

        return "completed";
    }

    /// <summary>
    /// What a read ends with. When Sockets' own socket is closed under it, it is a race whether its receive sees the
    /// abort or the disposal, and only the abort is logged.
    /// </summary>
    public static async Task<string> EndOfReadAsync(Task<string> reading)
    {
        try
        {
            return await reading;
        }
        catch (Exception exception)
            when (
                exception is ObjectDisposedException
                    or SocketException { SocketErrorCode: SocketError.OperationAborted })
        {
            return "the socket is gone";
        }
    }

    /// <summary>Ends the connection and writes down all that is left to be seen.</summary>
    public async Task FinishAsync(Transcript transcript, Task<string> clientOutcome)
    {
        await transcript.StepAsync("app", "dispose", async () => await Connection.DisposeAsync());
        transcript.Add("app", $"closed: {Connection.ConnectionClosed.IsCancellationRequested}");
        await transcript.StepAsync("client", "outcome", () => clientOutcome);
        foreach (LogEntry entry in Logs.Entries.Where(entry => entry.IsFromTransport && entry.Id.Id != ErrorEvent))
        {
            transcript.Add("log", Observe.Describe(entry));
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Connection.DisposeAsync().Within("the disposal of the connection");
        await _host.DisposeAsync();
    }
}
