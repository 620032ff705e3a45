using System;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>A bound socket with a descriptor that programs inherit while this lives.</summary>
internal sealed partial class InheritableSocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public InheritableSocket()
    {
        _socket.Bind(TestServerSetup.FreeLoopbackPort);
        // Unlike the runtime's own descriptors, a duplicate stays open across exec.
        Descriptor = Duplicate((int)_socket.Handle);
        Assert.NotEqual(-1, Descriptor);
    }

    public int Descriptor { get; }

    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    public void Dispose()
    {
        _ = Close(Descriptor);
        _socket.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Duplicate(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);
}
