using System;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// What is known of a callback that holds its loop. Times are the callback's own (<see cref="MonitorClock"/>), in
/// ticks.
/// </summary>
/// <param name="Activity">What the kernel says of its thread.</param>
/// <param name="IsInManagedWait">True if the runtime says that the thread waits for a lock, an event or a time.</param>
/// <param name="Passed">How long it has been watched.</param>
/// <param name="Used">The CPU time of its thread meanwhile, a collection that the thread has made for all included;
/// negative if it cannot be learned.</param>
/// <param name="Still">At how many looks in a row that CPU time had not changed.</param>
/// <param name="Threshold">How long a callback may hold its loop.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct StallEvidence(
    ThreadActivity Activity, bool IsInManagedWait, long Passed, long Used, int Still, long Threshold)
{
    /// <summary>
    /// A thread that waits neither by the runtime's leave nor for a file or a socket may wait for a background
    /// collection, the compiler or a class to be loaded, and these end. So one has to stand still at so many looks
    /// before it is done without.
    /// </summary>
    internal const int LooksInDoubt = 16;

    /// <summary>
    /// As much of a CPU as we grant a callback, in however many slices, or half of the time. Not more than the time
    /// that was its own: the rest was a collection's.
    /// </summary>
    private bool Computes => Passed > 0 && Math.Min(Used, Passed) >= Math.Min(Passed / 2, Threshold);

    private bool HasStoodStill => Still >= LooksInDoubt;

    internal StallVerdict Judge() => Activity switch
    {
        // Ready and not running: another thread has its CPU. Taking the loop would not make it any faster.
        ThreadActivity.Ready when Used >= 0 => Computes ? StallVerdict.Computing : StallVerdict.Innocent,
        ThreadActivity.Stopped => StallVerdict.Innocent,
        ThreadActivity.Waits => StallVerdict.Blocked,
        _ when IsInManagedWait => StallVerdict.Blocked,
        ThreadActivity.Unknown when Computes => StallVerdict.Computing,
        _ => HasStoodStill ? StallVerdict.Unclear : StallVerdict.Innocent,
    };
}
