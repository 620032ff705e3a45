using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>Level-triggered epoll, as plain as it gets.</summary>
internal sealed class EpollMultiplexer : IMultiplexer, IDisposable
{
    private const int Capacity = 512;
    private const int ControlAdd = 1;
    private const int ControlDelete = 2;

    // The kernel packs struct epoll_event on x86-64 only.
    private static readonly int s_size = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private readonly int _epoll = Sys.EpollCreate();
    private readonly byte[] _events = new byte[Capacity * s_size];

    public void Add(int descriptor, bool isListener)
    {
        Span<byte> added = stackalloc byte[s_size];
        added.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(added, PollFlags.In);
        BinaryPrimitives.WriteInt64LittleEndian(added[^8..], descriptor);
        Sys.EpollControl(_epoll, ControlAdd, descriptor, added);
    }

    public void Remove(int descriptor) => Sys.EpollControl(_epoll, ControlDelete, descriptor, []);

    public void Dispose() => Sys.Close(_epoll);

    public int Wait(Span<int> ready) => Wait(ready, -1);

    public int Wait(Span<int> ready, int timeoutMilliseconds)
    {
        int count = Sys.EpollWait(_epoll, _events, Math.Min(ready.Length, Capacity), timeoutMilliseconds);
        for (int i = 0; i < count; i++)
        {
            ready[i] = (int)BinaryPrimitives.ReadInt64LittleEndian(_events.AsSpan(((i + 1) * s_size) - 8));
        }

        return count;
    }
}
