using System;
using System.Buffers;
using System.Runtime.InteropServices;
using System.Threading;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>One rental of a block. After its return every access throws and is reported.</summary>
public sealed class CheckedBlock(CheckingMemoryPoolFactory factory, byte[] array) : MemoryManager<byte>
{
    private readonly Lock _lock = new();
    private bool _returned;
    private int _pins;

    public override Span<byte> GetSpan()
    {
        ThrowIfReturned();
        return array;
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        lock (_lock)
        {
            ThrowIfReturned();
            _pins++;
        }

        GCHandle handle = GCHandle.Alloc(array, GCHandleType.Pinned);
        unsafe
        {
            return new MemoryHandle((byte*)handle.AddrOfPinnedObject() + elementIndex, handle, this);
        }
    }

    public override void Unpin()
    {
        lock (_lock)
        {
            if (--_pins < 0)
            {
                factory.Report("A block was unpinned more often than pinned.");
            }
        }
    }

    protected override bool TryGetArray(out ArraySegment<byte> segment)
    {
        ThrowIfReturned();
        segment = array;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            if (_returned)
            {
                factory.Report("A block was returned twice.");
                return;
            }

            if (_pins > 0)
            {
                factory.Report("A block was returned while it was pinned.");
            }

            _returned = true;
        }

        factory.Return(this, array);
    }

    private void ThrowIfReturned()
    {
        if (_returned)
        {
            factory.Report("A block was used after its return.");
            throw new ObjectDisposedException(nameof(CheckedBlock));
        }
    }
}
