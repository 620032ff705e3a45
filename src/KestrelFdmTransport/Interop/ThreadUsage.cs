using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>What the calling thread has used so far.</summary>
/// <param name="CpuTime">In nanoseconds; the kernel tells microseconds.</param>
/// <param name="Waits">How often it gave its CPU up of its own accord, because it had to wait for something.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ThreadUsage(long CpuTime, long Waits);
