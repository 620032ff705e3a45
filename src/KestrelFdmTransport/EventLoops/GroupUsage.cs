using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.EventLoops;

/// <summary>What the process has used, and how often the group's loops have been woken, at the same time.</summary>
/// <param name="At">The time.</param>
/// <param name="Wakes">How often all loops of the group have been woken so far.</param>
/// <param name="Process">What the process has used so far.</param>
internal sealed record GroupUsage(long At, long Wakes, ProcessUsage Process);
