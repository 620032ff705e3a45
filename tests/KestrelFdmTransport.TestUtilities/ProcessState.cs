using System;
using System.Collections.Generic;
using System.IO;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>What the kernel knows of this process.</summary>
public static class ProcessState
{
    /// <summary>
    /// Sockets, epoll instances, eventfds, pipes and devices, but not the assemblies that keep being loaded.
    /// </summary>
    public static int Descriptors()
    {
        int count = 0;
        foreach (string descriptor in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            string? target = new FileInfo(descriptor).LinkTarget;
            if (target is not null && (!target.StartsWith('/') || target.StartsWith("/dev/", StringComparison.Ordinal)))
            {
                count++;
            }
        }

        return count;
    }

    /// <summary>The names of the threads that begin so, sorted.</summary>
    public static IReadOnlyList<string> Threads(string prefix)
    {
        List<string> names = [];
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                string name = File.ReadAllText(Path.Combine(task, "comm")).TrimEnd();
                if (name.StartsWith(prefix, StringComparison.Ordinal))
                {
                    names.Add(name);
                }
            }
            catch (IOException)
            {
                // The thread has ended since the listing.
            }
        }

        names.Sort(StringComparer.Ordinal);
        return names;
    }
}
