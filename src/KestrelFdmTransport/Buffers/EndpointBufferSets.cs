using System;
using System.Threading;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Buffers;

/// <summary>The memory of an endpoint's connections, by the index of their loop.</summary>
internal static class EndpointBufferSets
{
    internal static EndpointBuffers[] Create(EventLoop[] loops, Func<EventLoop, EndpointBuffers> create)
    {
        var caches = new EndpointBuffers[loops.Length];
        int count = 0;
        try
        {
            for (; count < loops.Length; count++)
            {
                caches[count] = create(loops[count]);
                caches[count].PerLoop = caches;
            }

            return caches;
        }
        catch
        {
            DisposePools(caches.AsSpan(0, count));
            throw;
        }
    }

    /// <summary>
    /// The cache for the loop. Any thread; two that make one for a restarted loop at once may each use their own.
    /// </summary>
    internal static EndpointBuffers Create(EndpointBuffers[] caches, EventLoop loop)
    {
        EndpointBuffers cache = caches[loop.Index];
        EndpointBuffers current = cache.GetForLoop(loop);
        if (current != cache)
        {
            Volatile.Write(ref caches[loop.Index], current);
        }

        return current;
    }

    /// <summary>Disposes of each pool, whatever another one throws.</summary>
    internal static void DisposePools(ReadOnlySpan<EndpointBuffers> caches)
    {
        foreach (EndpointBuffers cache in caches)
        {
            cache.DisposePool();
        }
    }
}
