using System;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Transport;

/// <summary>Creates listen sockets. Only setting up; the hot path calls libc.</summary>
internal static class ListenSockets
{
    internal static Socket CreateBound(EndPoint endpoint)
    {
        if (endpoint is FileHandleEndPoint handle)
        {
            // Bound by whoever opened it, and closed by them too.
            return new Socket(new SafeSocketHandle((nint)handle.FileHandle, ownsHandle: false));
        }

        Socket socket = endpoint switch
        {
            UnixDomainSocketEndPoint => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
            _ => new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp),
        };
        try
        {
            if (endpoint is IPEndPoint ip && ip.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endpoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Binds and listens.</summary>
    /// <exception cref="AddressInUseException">Another socket is bound to the address.</exception>
    internal static Socket Listen(EndPoint endpoint, FdmTransportOptions options)
    {
        Socket? socket;
        try
        {
            socket = options.CreateBoundListenSocket(endpoint);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(exception.Message, exception);
        }

        if (socket is null)
        {
            throw new InvalidOperationException($"{nameof(FdmTransportOptions.CreateBoundListenSocket)} returned null for {endpoint}; it must return a bound socket.");
        }

        try
        {
            socket.Listen(options.Backlog);

            // The loser of a race for a connection must not sleep inside accept4, and .NET's sockets start out blocking.
            socket.Blocking = false;
            if (socket.LocalEndPoint is IPEndPoint)
            {
                // Inherited by every accepted connection (Linux), which saves a system call for each.
                socket.NoDelay = options.NoDelay;
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
