using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>What the process holds, as the kernel sees it.</summary>
internal sealed record Census(int Sockets, int Epolls, int Eventfds, int Threads)
{
    public static Census Take()
    {
        List<string> descriptors = Descriptors();
        return new Census(
            descriptors.Count(static target => target.StartsWith("socket:", StringComparison.Ordinal)),
            descriptors.Count(static target => target.Contains("eventpoll", StringComparison.Ordinal)),
            descriptors.Count(static target => target.Contains("eventfd", StringComparison.Ordinal)),
            ProcessState.Threads("fdm-").Count(
                static name => !name.StartsWith("fdm-monitor", StringComparison.Ordinal)));
    }

    /// <summary>True if the process holds no more than it did.</summary>
    public bool IsWithin(Census before)
        => Sockets <= before.Sockets && Epolls <= before.Epolls && Eventfds <= before.Eventfds && Threads
            <= before.Threads;

    private static List<string> Descriptors()
    {
        List<string> targets = [];
        foreach (string descriptor in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            if (new FileInfo(descriptor).LinkTarget is { } target)
            {
                targets.Add(target);
            }
        }

        return targets;
    }
}
