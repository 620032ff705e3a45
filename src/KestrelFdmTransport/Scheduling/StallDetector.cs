using System;
using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Detects that a callback holds its loop for too long, and dispatches a standby thread. On the monitor's thread.
/// </summary>
internal static class StallDetector
{
    /// <summary>
    /// A callback must be seen this often: one sample may fall into the very end of a long but harmless one.
    /// </summary>
    private const int TimesSeen = 2;

    /// <summary>
    /// The state of a thread without a CPU is read less and less often, but at least every this many samples.
    /// </summary>
    private const int MostLooksBetween = 16;

    /// <summary>Called once per sample for a callback that keeps a loop waiting.</summary>
    /// <param name="counts">How much of the time since the last sample counts.</param>
    internal static void Look(LoopThread thread, IHandoffTarget loop, long word, long now, long counts)
    {
        CallbackSample sample = thread.Sample;
        if (sample.HandoffWord == word)
        {
            // A standby is on its way.
            return;
        }

        long used = Sys.ThreadCpuTime(thread.ThreadId);
        if (sample.ConsecutiveSightings == 1)
        {
            sample.FirstUsed = used;
            sample.Still = 0;
            sample.Held = Math.Min(now - thread.StartedAt, counts);
            sample.HeldBefore = sample.Held;
            sample.NextStateCheck = TimesSeen;
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
            if (sample.ConsecutiveSightings < sample.NextStateCheck || sample.Held < threshold)
            {
                return;
            }

            // Reading a thread's kernel state costs more than the sample.
            ThreadActivity activity = Sys.Activity(thread.ThreadId);
            verdict = new StallEvidence(
                activity,
                thread.Thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin),
                sample.Held - sample.HeldBefore,
                used == 0 ? -1 : StopwatchTime.Ticks(used - sample.FirstUsed),
                sample.Still,
                threshold).Judge();
            if (verdict == StallVerdict.Innocent)
            {
                sample.NextStateCheck = sample.ConsecutiveSightings
                    + (activity == ThreadActivity.Ready ? Math.Min(sample.ConsecutiveSightings, MostLooksBetween) : 1);
                return;
            }
        }

        ICallbackSource? source = thread.Source;
        if (thread.Word.Value == word
            && loop.TryDispatch(new Handoff(loop, thread.Word, word, source, sample.Held, verdict)))
        {
            sample.HandoffWord = word;
        }
    }
}
