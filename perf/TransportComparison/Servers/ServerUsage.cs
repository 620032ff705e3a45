using System;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.TransportComparison.Servers;

/// <summary>What a process has used up to now.</summary>
/// <param name="CpuMicroseconds">User and system time, exact.</param>
/// <param name="UserTicks">The kernel tells the two apart only by samples.</param>
/// <param name="SystemTicks">See <paramref name="UserTicks"/>.</param>
/// <param name="Switches">Voluntary and involuntary context switches of the threads that still live.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ServerUsage(double CpuMicroseconds, long UserTicks, long SystemTicks, long Switches)
{
    /// <summary>The last field of stat(5) before these, the name in brackets, may hold blanks.</summary>
    private const int UserTicksAfterName = 11;

    internal double UserMicroseconds => CpuMicroseconds * UserTicks / Math.Max(1, UserTicks + SystemTicks);

    internal double SystemMicroseconds => CpuMicroseconds - UserMicroseconds;

    internal static ServerUsage Of(int process)
    {
        double cpu = CpuClock(process);
        string stat = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        long switches = 0;
        foreach (string thread in Directory.EnumerateDirectories($"/proc/{process}/task"))
        {
            try
            {
                switches += StatusValue($"{thread}/status", "voluntary_ctxt_switches:")
                    + StatusValue($"{thread}/status", "nonvoluntary_ctxt_switches:");
            }
            catch (IOException)
            {
                // The thread has ended meanwhile.
            }
        }

        return new(cpu, Number(fields[UserTicksAfterName]), Number(fields[UserTicksAfterName + 1]), switches);
    }

    internal static long ResidentBytes(int process) => StatusValue($"/proc/{process}/status", "VmRSS:") * 1024;

    public static ServerUsage operator -(ServerUsage after, ServerUsage before) => new(
        after.CpuMicroseconds - before.CpuMicroseconds,
        after.UserTicks - before.UserTicks,
        after.SystemTicks - before.SystemTicks,
        after.Switches - before.Switches);

    /// <summary>clock_getcpuclockid(3) makes the same number.</summary>
    private static unsafe double CpuClock(int process)
    {
        const int Scheduler = 2;
        nint* time = stackalloc nint[2];
        return LibC.ClockGetTime((~process << 3) | Scheduler, time) == 0
            ? (time[0] * 1e6) + (time[1] / 1e3)
            : throw new ServerException("The server has ended.");
    }

    private static long StatusValue(string file, string name)
    {
        foreach (string line in File.ReadLines(file))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
            {
                return Number(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim());
            }
        }

        return 0;
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
