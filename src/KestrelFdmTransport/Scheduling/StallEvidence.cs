using System;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// What is known of a callback that holds its loop. Times are the callback's own (<see cref="MonitorClock"/>), in
/// ticks.
/// </summary>
/// <param name="Activity">The kernel's state of its thread.</param>
/// <param name="IsInManagedWait">
/// True if the runtime reports that the thread waits for a lock, an event or a time.
/// </param>
/// <param name="Passed">How long it has been watched.</param>
/// <param name="Used">
/// The CPU time of its thread meanwhile, including a collection that the thread has run; negative if unknown.
/// </param>
/// <param name="Still">How many samples in a row have seen the same CPU time.</param>
/// <param name="Threshold">How long a callback may hold its loop.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct StallEvidence(
    ThreadActivity Activity, bool IsInManagedWait, long Passed, long Used, int Still, long Threshold)
{
    /// <summary>
    /// A thread may also wait for a background collection, the compiler or a type load, which end soon. So without
    /// evidence of a managed wait, a file or a socket, a thread must stand still for this many samples before its loop
    /// is taken.
    /// </summary>
    internal const int LooksInDoubt = 16;

    /// <summary>
    /// The CPU time that a callback may use in any number of slices, or half of its time. At most the time that was its
    /// own, because a collection used the rest.
    /// </summary>
    private bool Computes => Passed > 0 && Math.Min(Used, Passed) >= Math.Min(Passed / 2, Threshold);

    private bool HasStoodStill => Still >= LooksInDoubt;

    internal StallVerdict Judge() => Activity switch
    {
        // Ready but not running: another thread has its CPU, and taking the loop would not help.
        ThreadActivity.Ready when Used >= 0 => Computes ? StallVerdict.Computing : StallVerdict.Innocent,
        ThreadActivity.Stopped => StallVerdict.Innocent,
        ThreadActivity.Waits => StallVerdict.Blocked,
        _ when IsInManagedWait => StallVerdict.Blocked,
        ThreadActivity.Unknown when Computes => StallVerdict.Computing,
        _ => HasStoodStill ? StallVerdict.Unclear : StallVerdict.Innocent,
    };
}
