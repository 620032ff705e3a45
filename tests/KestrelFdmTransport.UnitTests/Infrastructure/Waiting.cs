using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using Xunit.Sdk;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>Waits that end in a failure instead of a hang.</summary>
internal static class Waiting
{
    /// <summary>A wait this long fails the test.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Waits for something that another thread is about to do.</summary>
    public static void Until(Func<bool> condition, string what)
    {
        long started = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (!condition())
        {
            spin.SpinOnce(sleep1Threshold: -1);
            if (Stopwatch.GetElapsedTime(started) > Limit)
            {
                throw new XunitException($"Waited in vain: {what}.");
            }
        }
    }

    public static void Within(this ManualResetEventSlim signal, string what)
    {
        if (!signal.Wait(Limit))
        {
            throw new XunitException($"Waited in vain: {what}.");
        }
    }

    public static async Task Within(this Task task, string what)
    {
        try
        {
            await task.WaitAsync(Limit);
        }
        catch (TimeoutException exception) when (!task.IsCompleted)
        {
            throw new XunitException($"Waited in vain: {what}.", exception);
        }
    }

    public static async Task<T> Within<T>(this Task<T> task, string what)
    {
        await ((Task)task).Within(what);
        return await task;
    }
}
