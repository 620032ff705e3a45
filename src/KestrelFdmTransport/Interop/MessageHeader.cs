using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary><c>struct msghdr</c> as the kernel reads it.</summary>
/// <remarks>
/// glibc declares the lengths as <c>size_t</c>, musl as <c>int</c> with padding on the side that makes both the same
/// bytes, so one layout with zeroed padding serves both.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    internal byte* Name;
    internal uint NameLength;
    internal IoVector* Vectors;
    internal nint VectorCount;
    internal byte* Control;
    internal nint ControlLength;
    internal int Flags;
}
