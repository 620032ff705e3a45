using System;
using System.Threading;
using System.Threading.Tasks.Sources;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

[Collection(NonParallel.Name)]
public sealed class PipeContinuationSlotTests
{
    private static readonly Action<object?> s_callback = static _ => { };

    private PipeContinuationSlot _waiter;

    [Fact]
    public void Nobody_waits_at_first()
    {
        Assert.False(_waiter.IsSet);
        Assert.False(_waiter.TryTake(out PipeContinuation taken));
        Assert.Equal(default, taken);
    }

    [Fact]
    public void What_was_set_is_taken_once()
    {
        Assert.True(_waiter.TrySet(s_callback, "state", ValueTaskSourceOnCompletedFlags.None));
        Assert.True(_waiter.IsSet);

        Assert.True(_waiter.TryTake(out PipeContinuation taken));

        Assert.Equal(new PipeContinuation(s_callback, "state", null), taken);
        Assert.False(_waiter.IsSet);
        Assert.False(_waiter.TryTake(out _));
    }

    [Fact]
    public void A_second_one_is_refused_and_the_first_one_stays()
    {
        _waiter.TrySet(s_callback, "first", ValueTaskSourceOnCompletedFlags.None);

        Assert.False(_waiter.TrySet(static _ => { }, "second", ValueTaskSourceOnCompletedFlags.FlowExecutionContext));

        Assert.True(_waiter.TryTake(out PipeContinuation taken));
        Assert.Equal(new PipeContinuation(s_callback, "first", null), taken);
    }

    [Fact]
    public void The_execution_context_comes_along_if_it_is_asked_for()
        => TestThreads.Run(() =>
        {
            var local = new AsyncLocal<int> { Value = 1 };
            _waiter.TrySet(s_callback, null, ValueTaskSourceOnCompletedFlags.FlowExecutionContext);
            local.Value = 2;
            Assert.True(_waiter.TryTake(out PipeContinuation taken));

            int seen = 0;
            ExecutionContext.Run(taken.Context!, _ => seen = local.Value, null);
            Assert.Equal(1, seen);
        });

    /// <summary>The two sides of a wait: one looks for the waiter after it has made the condition true, the other looks again.</summary>
    [Fact]
    public void Of_two_threads_that_meet_exactly_one_takes_the_waiter()
    {
        const int Rounds = 100_000;

        long condition = 0;
        int taken = 0;
        TestThreads.Run(2, (number, meeting) =>
        {
            for (int round = 1; round <= Rounds && meeting.HasTime(round); round++)
            {
                meeting.Meet();
                if (number == 0)
                {
                    Interlocked.Exchange(ref condition, round);
                }
                else
                {
                    Assert.True(_waiter.TrySet(s_callback, round, ValueTaskSourceOnCompletedFlags.None));
                }

                if (Volatile.Read(ref condition) == round && _waiter.TryTake(out PipeContinuation continuation))
                {
                    Assert.Equal(round, continuation.State);
                    Interlocked.Increment(ref taken);
                }

                meeting.Meet();
                Assert.Equal(round, Volatile.Read(ref taken));
            }
        });
    }
}
