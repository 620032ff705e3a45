using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// How many more threads the process may have, by its limit of processes (ulimit -u) and those of its control groups
/// (pids.max).
/// </summary>
internal static class ThreadRoom
{
    private const string Groups = "/sys/fs/cgroup";

    /// <summary>The threads of this process; 0 if it cannot be learned.</summary>
    internal static int Threads()
    {
        // The twentieth field; after the name, in which there may be spaces, the eighteenth.
        string stat = Read("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 17 && int.TryParse(fields[17], CultureInfo.InvariantCulture, out int threads)
            ? threads
            : 0;
    }

    /// <summary>
    /// How many more threads the limits leave; <see cref="int.MaxValue"/> if there is none that can be learned.
    /// </summary>
    /// <remarks>
    /// The first limit is the user's, whose other processes are not counted: that would take a walk through all of
    /// /proc.
    /// </remarks>
    internal static int Left(int threads)
    {
        long left = Sys.ProcessLimit() - threads;
        foreach (string directory in Directories(Read("/proc/self/cgroup")))
        {
            if (long.TryParse(Read(directory + "/pids.max"), CultureInfo.InvariantCulture, out long most)
                && long.TryParse(Read(directory + "/pids.current"), CultureInfo.InvariantCulture, out long current))
            {
                left = Math.Min(left, most - current);
            }
        }

        return (int)Math.Clamp(left, 0, int.MaxValue);
    }

    /// <summary>
    /// The control groups that count the process's threads, with those that they are in, as far as they can be seen.
    /// </summary>
    /// <param name="membership">What /proc/self/cgroup says: hierarchy, controllers and path, with colons
    /// between.</param>
    internal static IEnumerable<string> Directories(string membership)
    {
        foreach (string line in membership.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length < 3 || (parts[1].Length > 0 && Array.IndexOf(parts[1].Split(','), "pids") < 0))
            {
                continue;
            }

            string root = parts[1].Length > 0 ? Groups + "/pids" : Groups;
            for (string path = parts[2].TrimEnd('/'); path.Length > 0; path = path[..path.LastIndexOf('/')])
            {
                yield return root + path;
            }

            // In a container the path may be the host's, and what is mounted the container's own group.
            yield return root;
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }
}
