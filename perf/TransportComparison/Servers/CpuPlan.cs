using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;

namespace KestrelFdmTransport.TransportComparison.Servers;

/// <summary>Which CPUs the server gets and which the load.</summary>
internal sealed class CpuPlan
{
    internal const string Split = "split";
    internal const string Shared = "shared";

    private const int MaskBytes = 1024;

    private CpuPlan(string name, int[] server, int[] load)
    {
        Name = name;
        Server = server;
        Load = load;
        Loops = server.Length;
    }

    internal string Name { get; }

    internal int[] Server { get; }

    internal int[] Load { get; }

    internal int Loops { get; private init; }

    /// <summary>wrk's threads: one for each of its CPUs.</summary>
    internal int LoadThreads => Load.Length;

    /// <param name="name"><see cref="Split"/> or <see cref="Shared"/>.</param>
    /// <param name="cpus">At most two are used, so that figures of machines of any size have the same meaning.</param>
    /// <param name="loops">As many as the server has CPUs if null.</param>
    internal static CpuPlan For(string name, int[] cpus, int? loops = null)
    {
        int[] both = [.. cpus.Take(2)];
        CpuPlan plan = string.Equals(name, Shared, StringComparison.Ordinal) || both.Length < 2
            ? new CpuPlan(name, both, both)
            : new CpuPlan(name, [both[0]], [both[1]]);
        return loops is { } count ? new CpuPlan(name, plan.Server, plan.Load) { Loops = count } : plan;
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name}: server on CPU {string.Join(", ", Server)}, load on CPU {string.Join(", ", Load)}");

    /// <summary>Starts a child on some CPUs: it inherits those of the thread that starts it.</summary>
    internal static Process Start(ProcessStartInfo start, int[] cpus)
    {
        byte[] before = CpuSet.Mask();
        CpuSet.SetMask(Mask(cpus), threadId: 0);
        try
        {
            return Process.Start(start)!;
        }
        finally
        {
            CpuSet.SetMask(before, threadId: 0);
        }
    }

    /// <summary>Moves this process to the CPUs of the load, of which it is a part.</summary>
    internal void MoveHere()
    {
        byte[] mask = Mask(Load);
        foreach (string thread in Directory.EnumerateDirectories("/proc/self/task"))
        {
            CpuSet.SetMask(mask, int.Parse(Path.GetFileName(thread.AsSpan()), CultureInfo.InvariantCulture));
        }
    }

    private static byte[] Mask(int[] cpus)
    {
        byte[] mask = new byte[MaskBytes];
        foreach (int cpu in cpus)
        {
            mask[cpu / 8] |= (byte)(1 << (cpu % 8));
        }

        return mask;
    }
}
