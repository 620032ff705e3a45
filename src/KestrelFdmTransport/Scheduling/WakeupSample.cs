using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Scheduling;

/// <summary>What <see cref="WakeupPreemption"/> judges by.</summary>
/// <param name="Wakes">How often the loop was woken in this window.</param>
/// <param name="Events">The events that it was woken for.</param>
/// <param name="AllWakes">How often all the loops have been woken so far.</param>
/// <param name="Preemptions">How often threads of the process have lost their CPU so far.</param>
/// <param name="CpuTime">What the process has used so far, by the number of its CPUs; in nanoseconds.</param>
/// <param name="RunDelay">How long the loop has been ready and had no CPU so far, in nanoseconds. Only if the rule holds.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct WakeupSample(int Wakes, long Events, long AllWakes, long Preemptions, long CpuTime, long RunDelay);
