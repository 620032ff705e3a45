using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Endpoints;

/// <summary>
/// Opens connections without event loops, where the transport cannot run: Kestrel's and .NET's own kind.
/// </summary>
internal sealed class SocketsFallback : IDisposable
{
    private readonly SocketConnectionContextFactory _contexts;
    private readonly FdmTransportOptions _options;

    internal SocketsFallback(FdmTransportOptions options, ILogger logger)
    {
        _options = options;
        _contexts = new SocketConnectionContextFactory(
            new SocketConnectionFactoryOptions
            {
                MaxReadBufferSize = options.MaxReadBufferSize,
                MaxWriteBufferSize = options.MaxWriteBufferSize
            },
            logger);
    }

    internal async Task<ConnectionContext> ConnectAsync(EndPoint target, CancellationToken cancellationToken)
    {
        Socket socket = await ConnectSocketAsync(target, cancellationToken).ConfigureAwait(false);
        try
        {
            return _contexts.Create(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal async Task<Stream> ConnectStreamAsync(EndPoint target, CancellationToken cancellationToken)
        => new NetworkStream(
            await ConnectSocketAsync(target, cancellationToken).ConfigureAwait(false),
            ownsSocket: true);

    public void Dispose() => _contexts.Dispose();

    private async Task<Socket> ConnectSocketAsync(EndPoint target, CancellationToken cancellationToken)
    {
        bool isUnix = target.AddressFamily == AddressFamily.Unix;
        var socket =
            new Socket(target.AddressFamily, SocketType.Stream, isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            if (!isUnix)
            {
                socket.NoDelay = _options.NoDelay;
            }

            patience.CancelAfter(_options.ConnectTimeout);
            await socket.ConnectAsync(target, patience.Token).ConfigureAwait(false);
            return socket;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            var late = new SocketException((int)SocketError.TimedOut);
            throw new SocketException((int)SocketError.TimedOut, $"{late.Message} {target}");
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            throw new OperationCanceledException(cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
