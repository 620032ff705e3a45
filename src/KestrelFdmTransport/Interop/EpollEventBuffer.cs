using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Interop;

/// <summary>Native memory for the events of one harvest.</summary>
internal sealed unsafe class EpollEventBuffer : IDisposable
{
    private static readonly int s_size = EpollEventLayout.Current.Size;
    private static readonly int s_payloadOffset = EpollEventLayout.Current.PayloadOffset;
    private byte* _events;

    internal EpollEventBuffer(int capacity)
    {
        FaultPoints.Reach(FaultPoint.EventBufferMade);
        Capacity = capacity;
        _events = (byte*)NativeMemory.AlignedAlloc((nuint)(capacity * s_size), 64);
    }

    internal int Capacity { get; }

    internal byte* Pointer => _events;

    internal uint Events(int index) => Unsafe.ReadUnaligned<uint>(_events + (index * s_size));

    internal ulong Payload(int index) => Unsafe.ReadUnaligned<ulong>(_events + (index * s_size) + s_payloadOffset);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_events);
        _events = null;
    }
}
