using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>The file that a Unix socket of ours was bound to.</summary>
/// <remarks>
/// Compared by the number of its inode, which the kernel gives to no other file as long as the socket is open.
/// </remarks>
internal sealed class UnixSocketFile
{
    private const int PathOffset = 2;

    private readonly string _path;
    private readonly FileIdentity _identity;
    private readonly bool _isOurs;

    private UnixSocketFile(string path, FileIdentity identity, bool isOurs)
    {
        _path = path;
        _identity = identity;
        _isOurs = isOurs;
    }

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
        if (GetPath(endpoint) is not { } path || !FileIdentity.TryGet(path, out _) || !IsRefused(endpoint.Serialize()))
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

    /// <summary>The file that is there now, just after the bind; null if there is none.</summary>
    /// <param name="path">Where the socket was bound.</param>
    /// <param name="isOurs">True if .NET deletes the file with the socket for certain: then it may go earlier.</param>
    internal static UnixSocketFile? Create(string path, bool isOurs)
    {
        path = Path.GetFullPath(path);
        return FileIdentity.TryGet(path, out FileIdentity identity)
            ? new UnixSocketFile(path, identity, isOurs)
            : null;
    }

    /// <summary>
    /// Deletes the file while its socket is still bound, unless another one is there by now. A server that starts
    /// meanwhile finds no file, or one with a listener; deleted after the close it might be its own.
    /// </summary>
    /// <returns>True if nothing is left to delete.</returns>
    internal bool DeleteWhileBound()
    {
        if (!FileIdentity.TryGet(_path, out FileIdentity present) || present != _identity)
        {
            return true;
        }

        if (!_isOurs)
        {
            return false;
        }

        try
        {
            File.Delete(_path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // .NET leaves such a file behind, too.
        }

        return true;
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
