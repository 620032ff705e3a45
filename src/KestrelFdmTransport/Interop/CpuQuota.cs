using System;
using System.Globalization;
using System.IO;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// Finds out whether a control group limits the CPU time of this process, as a container's limit does.
/// </summary>
internal static class CpuQuota
{
    /// <summary>True if any of the groups that the process is in has a limit.</summary>
    /// <param name="root">Where the file system begins, for tests.</param>
    internal static bool IsSet(string root = "/")
    {
        try
        {
            foreach (string line in File.ReadLines(Path.Combine(root, "proc/self/cgroup")))
            {
                // Number, controllers, group. In version 2 the number is 0, and there are no controllers.
                string[] parts = line.Split(':', 3);
                if (parts.Length == 3 && IsSet(root, parts[1], parts[2]))
                {
                    return true;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Without control groups there is no limit that is known.
        }

        return false;
    }

    private static bool IsSet(string root, string controllers, string group)
    {
        if (controllers.Length == 0)
        {
            return IsSetInAny(Path.Combine(root, "sys/fs/cgroup"), group, "cpu.max")
                || IsSetInAny(Path.Combine(root, "sys/fs/cgroup/unified"), group, "cpu.max");
        }

        return Array.IndexOf(controllers.Split(','), "cpu") >= 0
            && (IsSetInAny(Path.Combine(root, "sys/fs/cgroup/cpu"), group, "cpu.cfs_quota_us")
                || IsSetInAny(Path.Combine(root, "sys/fs/cgroup", controllers), group, "cpu.cfs_quota_us"));
    }

    /// <summary>In the group itself or one that it is part of. A container may see its own group as the root.</summary>
    private static bool IsSetInAny(string hierarchy, string group, string file)
    {
        while (true)
        {
            // Version 2 writes "max 100000" or "20000 100000", version 1 -1 or 20000.
            string path = Path.Combine(hierarchy, group.TrimStart('/'), file);
            if (File.Exists(path)
                && long.TryParse(
                    File.ReadAllText(path).Split(' ')[0],
                    NumberStyles.AllowTrailingWhite,
                    CultureInfo.InvariantCulture,
                    out long quota)
                && quota > 0)
            {
                return true;
            }

            int end = group.LastIndexOf('/');
            if (end < 0 || group.Length <= 1)
            {
                return false;
            }

            group = end == 0 ? "/" : group[..end];
        }
    }
}
