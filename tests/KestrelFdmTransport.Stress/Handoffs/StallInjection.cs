using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>
/// User code that sends for a standby to take the loop it runs on, and then takes a random time itself, so that the
/// standby comes before, at or after any step of it.
/// </summary>
internal static class StallInjection
{
    /// <summary>At this number no further thread stalls until some have returned.</summary>
    private const int MostStalled = 24;

    [ThreadStatic]
    private static long t_asked;

    /// <summary>
    /// One in <paramref name="oneIn"/> calls has the calling thread's loop taken over. Then some time passes.
    /// </summary>
    internal static void Run(int oneIn)
    {
        if (Random.Shared.Next(oneIn) == 0 && TrySendStandby(out LoopThread? thread))
        {
            if (Random.Shared.Next(2) == 0)
            {
                // As long as it takes the standby to come, so that what follows races with its first steps.
                AwaitLoss(thread!);
            }
        }

        Delay();
    }

    private static bool TrySendStandby(out LoopThread? thread)
    {
        thread = LoopThread.Current;
        if (thread is null)
        {
            return false;
        }

        long word = thread.Word.Value;
        if (!thread.Word.HoldsLoop
            || thread.BlockedLoop is not EventLoop { AllowsHandoff: true } loop
            || t_asked == word)
        {
            return false;
        }

        t_asked = word;
        StandbyThreads standbys = loop.Group.Scheduler.Standbys;
        if (standbys.Parked == 0 && standbys.Stalled >= MostStalled)
        {
            return false;
        }

        return standbys.TryDispatch(new Handoff(
            loop,
            thread.Word,
            word,
            thread.Source,
            Duration: 0,
            Random.Shared.Next(2) == 0 ? StallVerdict.Computing : StallVerdict.Blocked));
    }

    private static void AwaitLoss(LoopThread thread)
    {
        long until = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 5_000);
        while (!OwnershipWord.HasLostLoop(thread.Word.Value) && Stopwatch.GetTimestamp() < until)
        {
            Thread.Yield();
        }
    }

    /// <summary>Mostly nothing, sometimes up to a millisecond.</summary>
    internal static void Delay()
    {
        switch (Random.Shared.Next(256))
        {
            case 0:
                Thread.Sleep(1);
                break;
            case < 32:
                Spin(Random.Shared.Next(50));
                break;
            case < 64:
                Thread.Yield();
                break;
            case < 128:
                Thread.SpinWait(Random.Shared.Next(100));
                break;
        }
    }

    private static void Spin(int microseconds)
    {
        long until = Stopwatch.GetTimestamp() + (microseconds * Stopwatch.Frequency / 1_000_000);
        while (Stopwatch.GetTimestamp() < until)
        {
            Thread.SpinWait(10);
        }
    }
}
