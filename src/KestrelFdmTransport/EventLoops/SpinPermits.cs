using System;
using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Limits how long the loops of a group spin, and how many at the same time.</summary>
/// <param name="duration">How long a loop may spin at most; zero if none may.</param>
internal sealed class SpinPermits(TimeSpan duration)
{
    /// <summary>
    /// Not all CPUs may spin, except a single one while that pays (<see cref="Polling.SpinPredictor"/>): the client may
    /// be elsewhere.
    /// </summary>
    private static readonly int s_max = Math.Max(1, Environment.ProcessorCount - 1);

    private int _taken;
    private bool _hasQuota;

    /// <summary>How long a loop may spin, in clock ticks.</summary>
    internal long Duration { get; } = StopwatchTime.Ticks(duration);

    /// <summary>
    /// The loops start. Under a CPU quota no loop may spin: the spent time is missing at the end of the period.
    /// </summary>
    internal void Start() => _hasQuota = Duration != 0 && CpuQuota.IsSet();

    /// <summary>True if the calling loop may spin until <see cref="Release"/>.</summary>
    internal bool TryTake()
    {
        if (Duration == 0 || _hasQuota)
        {
            return false;
        }

        if (Interlocked.Increment(ref _taken) <= s_max)
        {
            return true;
        }

        Release();
        return false;
    }

    internal void Release() => Interlocked.Decrement(ref _taken);
}
