using System;
using System.Diagnostics;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Decides that a callback holds its loop for too long, and has the loop taken over. On the monitor's thread.</summary>
internal static class StallDetector
{
    /// <summary>A callback counts only if it was seen so often; one look may fall into the very end of a long but good one.</summary>
    private const int TimesSeen = 2;

    /// <summary>Called for a callback that keeps a loop waiting, once per sample.</summary>
    internal static void Look(CallbackScope scope, EventLoop loop, long word, long now)
    {
        CallbackSample sample = scope.Sample;
        if (sample.HandedOverWord == word)
        {
            // A standby is on its way.
            return;
        }

        if (sample.Times == 1)
        {
            sample.CpuTime = Sys.ThreadCpuTime(scope.ThreadId);
            sample.FirstSeen = now;
            sample.NextLook = TimesSeen;
        }

        long held = now - scope.StartedAt;
        TimeSpan threshold = loop.StallThreshold;
        bool always = threshold == TimeSpan.Zero;
        if (!always && (sample.Times < sample.NextLook || held < threshold.TotalSeconds * Stopwatch.Frequency))
        {
            return;
        }

        // To learn a thread's state costs more than the sample: one that was found ready to run is asked less and less often.
        sample.NextLook = sample.Times * 2;
        bool computes = false;
        if (!always && Sys.IsThreadRunnable(scope.ThreadId))
        {
            // Runnable and not running: another thread has its CPU. Taking the loop would not make it any faster.
            // Unless it has had as much of one as we grant a callback, in however many slices.
            long used = Sys.ThreadCpuTime(scope.ThreadId) - sample.CpuTime;
            long passed = (now - sample.FirstSeen) * (1_000_000_000 / Stopwatch.Frequency);
            if (sample.CpuTime != 0 && used < passed / 2 && used < threshold.TotalNanoseconds)
            {
                return;
            }

            computes = true;
        }

        // Time in which everybody stood still, in a collection or a stopped process, is not the callback's.
        held = Math.Min(held, (long)((threshold.TotalSeconds + (sample.Times / 500.0)) * Stopwatch.Frequency));
        IoSource? source = scope.Source;
        if (scope.Word == word && loop.Group.Standbys.TrySend(new HandOver(loop, scope, word, source, held, computes)))
        {
            sample.HandedOverWord = word;
        }
    }
}
