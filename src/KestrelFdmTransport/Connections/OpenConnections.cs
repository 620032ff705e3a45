using System.Collections.Generic;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <summary>The connections of some loops, seen from outside.</summary>
/// <remarks>Any thread, and no loop is stopped for it: a connection that migrates meanwhile may be missed.</remarks>
internal static class OpenConnections
{
    internal static IEnumerable<ConnectionIo> Of(EventLoop[] loops)
    {
        foreach (EventLoop loop in loops)
        {
            int end = int.MaxValue;
            while (loop.SourceBelow(ref end) is { } source)
            {
                if (source is ConnectionIo io)
                {
                    yield return io;
                }
            }
        }
    }
}
