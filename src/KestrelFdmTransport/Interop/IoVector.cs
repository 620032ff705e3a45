using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary><c>struct iovec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    internal byte* Base;
    internal nint Length;
}
