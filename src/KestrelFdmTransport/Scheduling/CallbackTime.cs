using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Scheduling;

/// <summary>What is known of the time of a callback that has ended.</summary>
/// <param name="Elapsed">How long it took, in ticks.</param>
/// <param name="Own">The part of it that was the callback's own, in ticks. All of it, unless that was measured.</param>
/// <param name="IsMeasured">True if collections and waits for a CPU are excluded from <paramref name="Own"/>.</param>
/// <param name="HasWaited">True if its thread was waiting for most of that time; null if that is unknown.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct CallbackTime(long Elapsed, long Own, bool IsMeasured, bool? HasWaited);
