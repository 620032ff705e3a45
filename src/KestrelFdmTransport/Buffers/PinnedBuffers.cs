using System;
using System.Buffers;
using System.Runtime.CompilerServices;

namespace KestrelFdmTransport.Buffers;

/// <summary>The pins of one vectored send, on the stack.</summary>
/// <remarks>
/// Kestrel's blocks are pinned already, and pinning them again costs nothing; array-pool blocks need it.
/// </remarks>
[InlineArray(64)]
internal struct PinnedBuffers
{
    private MemoryHandle _first;

    internal unsafe byte* Pin(int index, Memory<byte> block)
    {
        this[index] = block.Pin();
        return (byte*)this[index].Pointer;
    }

    internal void Unpin(int count)
    {
        for (int i = 0; i < count; i++)
        {
            try
            {
                this[i].Dispose();
            }
            catch (Exception)
            {
                // User code. The other pins must be released even if it throws, and the sent bytes accounted for.
            }
        }
    }
}
