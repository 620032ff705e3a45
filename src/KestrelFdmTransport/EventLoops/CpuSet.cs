using System.Collections.Generic;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.EventLoops;

/// <summary>The CPUs the process may use, as taskset or a container's CPU set left them.</summary>
internal static class CpuSet
{
    /// <summary>Room for 8,192 CPUs, the most a Linux kernel can be built for.</summary>
    private const int MaskBytes = 1024;

    /// <summary>The numbers of the usable CPUs, ascending; empty if the kernel does not tell.</summary>
    internal static int[] Usable()
    {
        byte[] mask = new byte[MaskBytes];
        if (Sys.CpuMask(mask) < 0)
        {
            return [];
        }

        var cpus = new List<int>();
        for (int cpu = 0; cpu < MaskBytes * 8; cpu++)
        {
            if ((mask[cpu / 8] & (1 << (cpu % 8))) != 0)
            {
                cpus.Add(cpu);
            }
        }

        return [.. cpus];
    }

    /// <summary>Pins the calling thread; false if the kernel refuses.</summary>
    internal static bool PinThread(int cpu)
    {
        byte[] mask = new byte[MaskBytes];
        mask[cpu / 8] = (byte)(1 << (cpu % 8));
        return Sys.SetCpuMask(mask) == 0;
    }
}
