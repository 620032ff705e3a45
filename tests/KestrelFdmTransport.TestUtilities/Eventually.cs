using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>Waits that end with what they wait for, or fail and say what never came.</summary>
public static class Eventually
{
    /// <summary>No wait takes this long unless the test fails.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(10);

    public static async Task Within(this Task task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        try
        {
            await task.WaitAsync(Limit);
        }
        catch (TimeoutException exception) when (!task.IsCompleted)
        {
            throw TimedOut(what, exception);
        }
    }

    public static async Task<T> Within<T>(this Task<T> task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        await Within((Task)task, what);
        return await task;
    }

    public static Task Within(this ValueTask task, [CallerArgumentExpression(nameof(task))] string what = "")
        => task.AsTask().Within(what);

    public static Task<T> Within<T>(this ValueTask<T> task, [CallerArgumentExpression(nameof(task))] string what = "")
        => task.AsTask().Within(what);

    public static void Within(
        this ManualResetEventSlim signal,
        [CallerArgumentExpression(nameof(signal))] string what = "")
    {
        if (!signal.Wait(Limit))
        {
            throw TimedOut(what);
        }
    }

    /// <summary>Blocks this thread until another one has made the condition true.</summary>
    public static void Until(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        long start = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (!condition())
        {
            spin.SpinOnce(sleep1Threshold: -1);
            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                throw TimedOut(what);
            }
        }
    }

    /// <summary>For what nothing reports, such as a counter: asks again and again.</summary>
    public static async Task UntilAsync(
        Func<bool> condition,
        Func<string>? state = null,
        [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan pause = s_firstPause;
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                throw TimedOut(state is null ? what : $"{what} ({state()})");
            }

            await Task.Delay(pause);
            pause = pause < s_longestPause ? pause + s_firstPause : pause;
        }
    }

    private static TimeoutException TimedOut(string what, Exception? cause = null)
        => new($"Timed out waiting for {what}.", cause);
}
