using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.TransportComparison.Servers;

/// <summary>The CPUs the process may use, as taskset or a container's CPU set left them.</summary>
internal static partial class CpuSet
{
    /// <summary>Room for 8,192 CPUs, the most a Linux kernel can be built for.</summary>
    private const int MaskBytes = 1024;

    /// <summary>The mask of the CPUs that the calling thread may use; empty if unknown.</summary>
    internal static byte[] Mask()
    {
        byte[] mask = new byte[MaskBytes];
        return GetAffinity(0, mask.Length, mask) < 0 ? [] : mask;
    }

    /// <summary>The numbers of the usable CPUs, ascending; empty if unknown.</summary>
    internal static int[] Usable() => Members(Mask());

    /// <summary>The numbers of the CPUs in a mask, ascending.</summary>
    internal static int[] Members(ReadOnlySpan<byte> mask)
    {
        var cpus = new List<int>();
        for (int cpu = 0; cpu < mask.Length * 8; cpu++)
        {
            if ((mask[cpu / 8] & (1 << (cpu % 8))) != 0)
            {
                cpus.Add(cpu);
            }
        }

        return [.. cpus];
    }

    /// <summary>Lets a thread run on the CPUs of the mask, unless it has just ended.</summary>
    internal static void SetMask(ReadOnlySpan<byte> mask, int threadId)
    {
        if (!mask.IsEmpty)
        {
            _ = SetAffinity(threadId, mask.Length, mask);
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int threadId, nint maskSize, Span<byte> mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int threadId, nint maskSize, ReadOnlySpan<byte> mask);
}
