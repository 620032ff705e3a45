using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>What this process has used so far.</summary>
/// <param name="CpuTime">In nanoseconds; the kernel tells microseconds.</param>
/// <param name="Preemptions">How often its threads have lost their CPU to others.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ProcessUsage(long CpuTime, long Preemptions);
