using System;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <summary>The memory of an endpoint's connections, by the index of their loop.</summary>
internal static class BlockCaches
{
    internal static BlockCache[] Create(EventLoop[] loops, Func<EventLoop, BlockCache> create)
    {
        var caches = new BlockCache[loops.Length];
        int count = 0;
        try
        {
            for (; count < loops.Length; count++)
            {
                caches[count] = create(loops[count]);
                caches[count].Siblings = caches;
            }

            return caches;
        }
        catch
        {
            DisposePools(caches.AsSpan(0, count));
            throw;
        }
    }

    internal static void DisposePools(ReadOnlySpan<BlockCache> caches)
    {
        foreach (BlockCache cache in caches)
        {
            cache.Pool.Dispose();
        }
    }
}
