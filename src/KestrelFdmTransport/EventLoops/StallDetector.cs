using System;
using System.Threading;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Decides that a callback holds its loop for too long, and has the loop taken over. On the monitor's thread.</summary>
internal static class StallDetector
{
    /// <summary>A callback counts only if it was seen so often; one look may fall into the very end of a long but good one.</summary>
    private const int TimesSeen = 2;

    /// <summary>A thread without a CPU is asked for what it does less and less often, but not less often than each so many looks.</summary>
    private const int MostLooksBetween = 16;

    /// <summary>Called for a callback that keeps a loop waiting, once per look.</summary>
    /// <param name="scope">The thread that is inside it.</param>
    /// <param name="loop">The loop.</param>
    /// <param name="word">The callback.</param>
    /// <param name="now">The time.</param>
    /// <param name="counts">How much of the time since the last look counts.</param>
    internal static void Look(CallbackScope scope, EventLoop loop, long word, long now, long counts)
    {
        CallbackSample sample = scope.Sample;
        if (sample.HandedOverWord == word)
        {
            // A standby is on its way.
            return;
        }

        long used = Sys.ThreadCpuTime(scope.ThreadId);
        if (sample.Times == 1)
        {
            sample.FirstUsed = used;
            sample.Still = 0;
            sample.Held = Math.Min(now - scope.StartedAt, counts);
            sample.HeldBefore = sample.Held;
            sample.NextLook = TimesSeen;
        }
        else
        {
            sample.Still = used == sample.Used ? sample.Still + 1 : 0;
            sample.Held += counts;
        }

        sample.Used = used;
        long threshold = StopwatchTime.Ticks(loop.StallThreshold);
        StallVerdict verdict = StallVerdict.Blocked;
        if (threshold != 0)
        {
            if (sample.Times < sample.NextLook || sample.Held < threshold)
            {
                return;
            }

            // To learn what a thread does costs more than the look.
            ThreadActivity activity = Sys.Activity(scope.ThreadId);
            verdict = new StallEvidence(
                activity,
                scope.Thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin),
                sample.Held - sample.HeldBefore,
                used == 0 ? -1 : StopwatchTime.Ticks(used - sample.FirstUsed),
                sample.Still,
                threshold).Judge();
            if (verdict == StallVerdict.Innocent)
            {
                sample.NextLook = sample.Times + (activity == ThreadActivity.Ready ? Math.Min(sample.Times, MostLooksBetween) : 1);
                return;
            }
        }

        IoSource? source = scope.Source;
        if (scope.Word == word && loop.Group.Standbys.TrySend(new HandOver(loop, scope, word, source, sample.Held, verdict)))
        {
            sample.HandedOverWord = word;
        }
    }
}
