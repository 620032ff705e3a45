using System;
using System.Net;
using System.Net.Sockets;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>A listen socket from .NET or the application, and a duplicate descriptor for the loops.</summary>
/// <remarks>
/// The duplicate stays valid when the application disposes of its socket, and lets several endpoints listen on one
/// handle. The reference to the application's handle detects that disposal: while it is held, disposing shuts the
/// socket down, which wakes the loops, and waits for the reference. So no client connects to it afterwards.
/// </remarks>
internal sealed class ListenSocket : IDisposable
{
    private readonly Socket _socket;
    private readonly SafeSocketHandle _handle;
    private readonly SafeFileDescriptor _descriptor;
    private readonly UnixSocketFile? _file;
    private readonly FileIdentity _identity;
    private bool _held;

    /// <param name="socket">A socket that listens. Still the caller's if this throws.</param>
    /// <param name="isApplications">True if the application may have it, or its handle, too.</param>
    /// <param name="file">The file that it is bound to, if that is deleted with it.</param>
    internal ListenSocket(Socket socket, bool isApplications, UnixSocketFile? file)
    {
        _socket = socket;
        _handle = socket.SafeHandle;
        _file = file;
        IsApplications = isApplications;
        EndPoint = socket.LocalEndPoint!;
        int descriptor = Sys.Duplicate((int)_handle.DangerousGetHandle());
        _descriptor = descriptor >= 0 ? new SafeFileDescriptor(descriptor) : throw SocketErrors.Exception(-descriptor);
        FileIdentity.TryGet(descriptor, out _identity);
    }

    /// <summary>True if the application has the socket, too, or its handle, and may dispose of it.</summary>
    internal bool IsApplications { get; }

    internal EndPoint EndPoint { get; }

    /// <summary>Valid until <see cref="Dispose"/>.</summary>
    internal int Descriptor => _descriptor.Value;

    /// <summary>
    /// Takes the reference, or takes it anew, which shows whether the application has given it up meanwhile. One thread
    /// at a time.
    /// </summary>
    /// <returns>False if the application has disposed of the socket, or has closed the handle that it had us listen
    /// on.</returns>
    internal bool TryHold()
    {
        Release();
        try
        {
            _handle.DangerousAddRef(ref _held);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }

        // A handle that .NET does not own may be closed behind its back, and be another file's by now.
        FileIdentity.TryGet((int)_handle.DangerousGetHandle(), out FileIdentity present);
        return present == _identity;
    }

    /// <summary>Every loop has stopped accepting: stops listening. One thread at a time.</summary>
    public void Dispose()
    {
        Release();
        bool isFileGone = _file?.DeleteWhileBound() ?? false;
        _descriptor.Dispose();
        if (isFileGone)
        {
            // Disposing of the socket would delete by name, after the close, what may be another server's by then.
            _handle.Dispose();
#pragma warning disable CA1816 // Nor may the socket's finalizer do so.
            GC.SuppressFinalize(_socket);
#pragma warning restore CA1816
        }
        else
        {
            _socket.Dispose();
        }
    }

    private void Release()
    {
        if (_held)
        {
            _held = false;
            _handle.DangerousRelease();
        }
    }
}
