using System;
using System.IO;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>The file that a Unix socket of ours was bound to.</summary>
/// <remarks>
/// Compared by the number of its inode, which the kernel gives to no other file as long as the socket is open.
/// </remarks>
internal sealed class UnixSocketFile
{
    private readonly string _path;
    private readonly FileIdentity _identity;
    private readonly bool _isOurs;

    private UnixSocketFile(string path, FileIdentity identity, bool isOurs)
    {
        _path = path;
        _identity = identity;
        _isOurs = isOurs;
    }

    /// <summary>The file that is there now, just after the bind; null if there is none.</summary>
    /// <param name="path">Where the socket was bound.</param>
    /// <param name="isOurs">True if .NET deletes the file with the socket for certain: then it may go earlier.</param>
    internal static UnixSocketFile? Create(string path, bool isOurs)
    {
        path = Path.GetFullPath(path);
        return Sys.TryGetSocketFile(path, out FileIdentity identity)
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
        if (!Sys.TryGetSocketFile(_path, out FileIdentity present) || present != _identity)
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
}
