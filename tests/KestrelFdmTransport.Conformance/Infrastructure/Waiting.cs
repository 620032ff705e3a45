using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>Waits that end with what they wait for, or fail and say what never came.</summary>
internal static class Waiting
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(10);

    public static async Task Within(this Task task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        try
        {
            await task.WaitAsync(Limit);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            throw Late(what);
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

    /// <summary>Polls a condition that raises no event, such as a counter.</summary>
    public static async Task UntilAsync(
        Func<bool> condition,
        Func<string>? state = null,
        [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                throw Late(state is null ? what : $"{what} ({state()})");
            }

            await Task.Delay(s_pollInterval);
        }
    }

    private static TimeoutException Late(string what) => new($"Waited {Limit.TotalSeconds:0} s in vain for: {what}");
}
