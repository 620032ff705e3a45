using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// Memory for the events of one poll. It is pinned and belongs to the garbage collector, so nothing has to free it.
/// </summary>
internal sealed unsafe class EpollEventBuffer
{
    private static readonly int s_size = EpollEventLayout.Current.Size;
    private static readonly int s_payloadOffset = EpollEventLayout.Current.PayloadOffset;
    private readonly byte[] _memory;

    internal EpollEventBuffer(int capacity)
    {
        FaultPoints.Hit(FaultPoint.EventBufferMade);
        Capacity = capacity;
        _memory = GC.AllocateUninitializedArray<byte>(capacity * s_size, pinned: true);
        Pointer = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory));
    }

    internal int Capacity { get; }

    /// <summary>Valid as long as this object is.</summary>
    internal byte* Pointer { get; }

    internal uint Events(int index) => Unsafe.ReadUnaligned<uint>(Pointer + (index * s_size));

    internal ulong Payload(int index) => Unsafe.ReadUnaligned<ulong>(Pointer + (index * s_size) + s_payloadOffset);
}
