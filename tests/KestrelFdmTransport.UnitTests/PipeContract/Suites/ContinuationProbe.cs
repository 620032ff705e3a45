using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>What the continuation tests of both directions do with a pending operation.</summary>
[SuppressMessage(
    "Reliability", "CA2012", Justification = "What a value task does before it is awaited is what is tested.")]
internal static class ContinuationProbe
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly AsyncLocal<string?> s_local = new();

    /// <summary>
    /// Awaits in one execution context, completes in another, and returns what the awaiting method then sees.
    /// </summary>
    public static async Task<string?> SeeContextAfterAwaitAsync<T>(Func<ValueTask<T>> begin, Action complete)
    {
        s_local.Value = "awaiting";
        Task<string?> seen = AwaitAsync(begin());
        s_local.Value = "completing";
        complete();
        return await seen.WaitAsync(Patience);

        static async Task<string?> AwaitAsync(ValueTask<T> pending)
        {
            Assert.False(pending.IsCompleted);
            await pending;
            return s_local.Value;
        }
    }

    /// <summary>The same with a continuation that is registered by hand.</summary>
    public static async Task<string?> SeeContextInContinuationAsync<T>(Func<ValueTask<T>> begin, Action complete)
    {
        TaskCompletionSource<string?> seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        s_local.Value = "awaiting";
        ValueTaskAwaiter<T> awaiter = begin().GetAwaiter();
        Assert.False(awaiter.IsCompleted);
        awaiter.OnCompleted(() => seen.SetResult(s_local.Value));
        s_local.Value = "completing";
        complete();
        string? value = await seen.Task.WaitAsync(Patience);
        awaiter.GetResult();
        return value;
    }

    /// <summary>
    /// How often the synchronization context is used that is current when the continuation is registered.
    /// </summary>
    public static int CountPosts<T>(Func<ValueTask<T>> begin, Action complete)
    {
        var context = new CountingSynchronizationContext();
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        try
        {
            int runs = 0;
            ValueTaskAwaiter<T> awaiter = begin().GetAwaiter();
            Assert.False(awaiter.IsCompleted);
            awaiter.OnCompleted(() => Interlocked.Increment(ref runs));
            complete();
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref runs) == 1, Patience));
            awaiter.GetResult();
            return context.Posts;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>Awaits one pending operation twice and returns what the two get.</summary>
    public static async Task<(Exception? First, Exception? Second)> AwaitTwiceAsync<T>(ValueTask<T> pending)
    {
        Assert.False(pending.IsCompleted);
        Task<Exception?> first = CatchAsync(pending);
        Task<Exception?> second = CatchAsync(pending);
        return (await first.WaitAsync(Patience), await second.WaitAsync(Patience));
    }

    /// <summary>
    /// Completes a pending operation from two threads at the same moment; returns its one continuation's count.
    /// </summary>
    public static PendingOperation<T> Race<T>(ValueTask<T> pending, Action oneWay, Action otherWay)
    {
        Assert.False(pending.IsCompleted);
        var operation = new PendingOperation<T>(pending);
        operation.Attach();
        using var start = new Barrier(2);
        var other = Task.Run(() =>
        {
            start.SignalAndWait();
            otherWay();
        });
        start.SignalAndWait();
        oneWay();
        Assert.True(other.Wait(Patience));
        Assert.True(operation.Wait(Patience), "Nothing has completed the operation.");
        return operation;
    }

    private static async Task<Exception?> CatchAsync<T>(ValueTask<T> pending)
    {
        try
        {
            await pending;
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }
}
