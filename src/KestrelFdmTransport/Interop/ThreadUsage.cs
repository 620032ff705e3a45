using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>What the calling thread has used so far.</summary>
/// <param name="CpuTime">In nanoseconds; the kernel counts microseconds.</param>
/// <param name="Waits">Voluntary context switches: how often it waited for something.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ThreadUsage(long CpuTime, long Waits);
