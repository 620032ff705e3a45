using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace KestrelFdmTransport.Endpoints;

/// <summary>Creates listen sockets. Used at bind time only; the hot path calls libc.</summary>
internal static class ListenSocketFactory
{
    private const int OptionLevelSocket = 1;
    private const int OptionReusePort = 15;

    /// <summary>True for the kinds of endpoint that there are listen sockets for.</summary>
    internal static bool Supports(EndPoint endpoint)
        => endpoint is IPEndPoint or UnixDomainSocketEndPoint or FileHandleEndPoint;

    /// <summary>Binds and listens: one socket that all loops share, or one for each.</summary>
    /// <exception cref="AddressInUseException">Another socket is bound to the address.</exception>
    internal static ListenSocket[] Listen(EndPoint endpoint, FdmTransportOptions options)
    {
        bool shared = !options.ReusePort || endpoint is not IPEndPoint;
        var sockets = new Socket[shared ? 1 : options.LoopCount];
        var listening = new ListenSocket[sockets.Length];
        try
        {
            // All are bound before the first one listens: from then on the kernel counts on every one that does.
            for (int i = 0; i < sockets.Length; i++)
            {
                // The first one decides what a port of 0 becomes.
                sockets[i] = Bind(i == 0 ? endpoint : sockets[0].LocalEndPoint!, options, reusePort: !shared);
            }

            for (int i = 0; i < sockets.Length; i++)
            {
                Listen(sockets[i], endpoint, options);
                listening[i] = new ListenSocket(
                    sockets[i],
                    !AreOurs(endpoint, options),
                    GetFile(sockets[i], endpoint, options));
            }

            return listening;
        }
        catch
        {
            Dispose(listening);
            Dispose(sockets);
            throw;
        }
    }

    /// <summary>True if only the transport knows the endpoint's listen sockets.</summary>
    internal static bool AreOurs(EndPoint endpoint, FdmTransportOptions options)
        => endpoint is not FileHandleEndPoint && IsDefault(options);

    /// <summary>Disposes all that were created, even if one of them throws.</summary>
    internal static void Dispose(IDisposable?[] sockets)
    {
        List<Exception>? failures = null;
        foreach (IDisposable? socket in sockets)
        {
            try
            {
                socket?.Dispose();
            }
            catch (Exception exception)
            {
                (failures ??= []).Add(exception);
            }
        }

        if (failures is not null)
        {
            throw new AggregateException(failures);
        }
    }

    private static UnixSocketFile? GetFile(Socket socket, EndPoint endpoint, FdmTransportOptions options)
        => endpoint is not FileHandleEndPoint && UnixSocketFile.GetPath(socket.LocalEndPoint) is { } path
            ? UnixSocketFile.Create(path, IsDefault(options))
            : null;

    /// <summary>
    /// True if the application has set no function of its own. Where it has set nothing, the function is the one of
    /// Sockets.
    /// </summary>
    private static bool IsDefault(FdmTransportOptions options)
        => options.CreateBoundListenSocket == FdmTransportOptions.CreateDefaultBoundListenSocket
            || options.CreateBoundListenSocket == SocketTransportOptions.CreateDefaultBoundListenSocket;

    private static Socket Bind(EndPoint endpoint, FdmTransportOptions options, bool reusePort)
    {
        Socket? socket;
        try
        {
            try
            {
                socket = Create(endpoint, options, reusePort);
            }
            catch (SocketException exception) when (
                exception.SocketErrorCode == SocketError.AddressAlreadyInUse
                && options.ReplaceStaleUnixSocket
                && UnixSocketFile.TryRemoveStale(endpoint))
            {
                socket = Create(endpoint, options, reusePort);
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(exception.Message, exception);
        }

        return socket
            ?? throw new InvalidOperationException(
                $"{nameof(FdmTransportOptions.CreateBoundListenSocket)} returned null for {endpoint}; it must return a "
                    + $"bound socket.");
    }

    private static Socket? Create(EndPoint endpoint, FdmTransportOptions options, bool reusePort)
    {
        Func<EndPoint, Socket> create = options.CreateBoundListenSocket;
        if (!reusePort)
        {
            return create(endpoint);
        }

        // The option must be set before the bind.
        if (IsDefault(options))
        {
            return CreateWithReusePort((IPEndPoint)endpoint);
        }

        Socket? socket = create(endpoint);
        if (socket is not null && !HasReusePort(socket))
        {
            socket.Dispose();
            throw new InvalidOperationException(
                $"{nameof(FdmTransportOptions)}.{nameof(FdmTransportOptions.ReusePort)} is true, but "
                    + $"{nameof(FdmTransportOptions.CreateBoundListenSocket)} returned a socket for {endpoint} without "
                    + $"SO_REUSEPORT; it must set that before it binds.");
        }

        return socket;
    }

    /// <summary>As Sockets creates one, which cannot set the option before it binds.</summary>
    private static Socket CreateWithReusePort(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.SetRawSocketOption(OptionLevelSocket, OptionReusePort, BitConverter.GetBytes(1));
            socket.Bind(endpoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool HasReusePort(Socket socket)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        socket.GetRawSocketOption(OptionLevelSocket, OptionReusePort, value);
        return BitConverter.ToInt32(value) != 0;
    }

    private static void Listen(Socket socket, EndPoint endpoint, FdmTransportOptions options)
    {
        if (options.UnixSocketFileMode is { } mode
            && !OperatingSystem.IsWindows()
            && endpoint is not FileHandleEndPoint
            && UnixSocketFile.GetPath(socket.LocalEndPoint) is { } path)
        {
            // No client can connect before the socket listens, so the file is never open to more than this.
            File.SetUnixFileMode(path, mode);
        }

        socket.Listen(options.Backlog);

        // The loser of a race for a connection must not sleep inside accept4, and .NET's sockets start out blocking.
        socket.Blocking = false;
        if (socket.LocalEndPoint is IPEndPoint)
        {
            // Inherited by every accepted connection (Linux), which saves a system call for each.
            socket.NoDelay = options.NoDelay;
        }
    }
}
