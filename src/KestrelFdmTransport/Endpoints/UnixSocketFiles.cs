using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>The file that a Unix socket is bound to.</summary>
internal static class UnixSocketFiles
{
    private const int PathOffset = 2;

    /// <summary>The file's path; null for any other endpoint, abstract and unnamed Unix sockets included.</summary>
    internal static string? GetPath(EndPoint? endpoint)
    {
        if (endpoint is not UnixDomainSocketEndPoint)
        {
            return null;
        }

        SocketAddress address = endpoint.Serialize();
        return address.Size > PathOffset && address[PathOffset] != 0 ? endpoint.ToString() : null;
    }

    /// <summary>
    /// Deletes a socket's file that has no listener: the process that bound it is gone. A file of another kind, or one
    /// that refuses to answer, stays.
    /// </summary>
    /// <returns>True if the path may be bound now.</returns>
    internal static bool TryRemoveStale(EndPoint endpoint)
    {
        if (GetPath(endpoint) is not { } path || !Sys.TryGetSocketFile(path, out _) || !IsRefused(endpoint.Serialize()))
        {
            return false;
        }

        try
        {
            File.Delete(path);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Then the bind's own error is the one to report.
            return false;
        }
    }

    private static bool IsRefused(SocketAddress address)
    {
        int descriptor = Sys.Socket(Sys.AddressFamilyUnix);
        if (descriptor < 0)
        {
            return false;
        }

        // Never waits: a listener whose backlog is full says so at once.
        int result = Sys.Connect(descriptor, address.Buffer.Span[..address.Size]);
        Sys.Close(descriptor);
        return result == -Errno.ECONNREFUSED;
    }
}
