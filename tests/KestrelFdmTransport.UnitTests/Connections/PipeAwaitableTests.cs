using System;
using System.Threading;
using System.Threading.Tasks.Sources;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

[Collection(NonParallel.Name)]
public sealed class PipeAwaitableTests
{
    private static readonly Action<object?> s_callback = static _ => { };

    private readonly End _end = new() { IsReady = true };
    private PipeAwaitable _awaitable;

    [Fact]
    public void At_first_there_is_no_continuation_and_no_cancellation()
    {
        Assert.False(_awaitable.IsWaiting);
        Assert.False(_awaitable.TryTake(_end));
        Assert.False(_awaitable.IsCancelled);
        Assert.False(_awaitable.TakeCancellation());
    }

    [Fact]
    public void A_continuation_is_taken_once()
    {
        Assert.True(_awaitable.TryRegister(s_callback, "state", ValueTaskSourceOnCompletedFlags.None));
        Assert.True(_awaitable.IsWaiting);

        Assert.True(_awaitable.TryTake(_end));

        Assert.False(_awaitable.IsWaiting);
        Assert.False(_awaitable.TryTake(_end));
        Assert.Equal((s_callback, "state", null), _awaitable.Remove());
    }

    [Fact]
    public void A_second_continuation_is_refused_and_the_first_one_stays()
    {
        _awaitable.TryRegister(s_callback, "first", ValueTaskSourceOnCompletedFlags.None);

        Assert.False(
            _awaitable.TryRegister(static _ => { }, "second", ValueTaskSourceOnCompletedFlags.FlowExecutionContext));

        Assert.True(_awaitable.TryTake(_end));
        Assert.False(_awaitable.TryRegister(static _ => { }, "third", ValueTaskSourceOnCompletedFlags.None));
        Assert.Equal((s_callback, "first", null), _awaitable.Remove());
        Assert.True(_awaitable.TryRegister(s_callback, "fourth", ValueTaskSourceOnCompletedFlags.None));
    }

    [Fact]
    public void A_continuation_whose_wait_is_not_over_stays()
    {
        _end.IsReady = false;
        _awaitable.TryRegister(s_callback, "state", ValueTaskSourceOnCompletedFlags.None);

        Assert.False(_awaitable.TryTake(_end));
        Assert.True(_awaitable.IsWaiting);

        _end.IsReady = true;
        Assert.True(_awaitable.TryTake(_end));
        Assert.Equal((s_callback, "state", null), _awaitable.Remove());
    }

    [Fact]
    public void A_cancellation_is_for_one_operation()
    {
        _awaitable.Cancel();
        _awaitable.Cancel();

        Assert.True(_awaitable.IsCancelled);
        Assert.True(_awaitable.TakeCancellation());
        Assert.False(_awaitable.TakeCancellation());
    }

    [Fact]
    public void An_operation_that_yields_is_pending_until_code_has_looked_in_vain_for_a_while()
    {
        _awaitable.BeginYield();
        Assert.Equal(ValueTaskSourceStatus.Pending, _awaitable.GetStatus(isReady: true, isFaulted: false));

        for (int look = 0; look < 100; look++)
        {
            _awaitable.GetStatus(isReady: true, isFaulted: false);
        }

        Assert.Equal(ValueTaskSourceStatus.Succeeded, _awaitable.GetStatus(isReady: true, isFaulted: false));
        Assert.Equal(ValueTaskSourceStatus.Faulted, _awaitable.GetStatus(isReady: true, isFaulted: true));
        Assert.Equal(ValueTaskSourceStatus.Pending, _awaitable.GetStatus(isReady: false, isFaulted: true));
    }

    [Fact]
    public void The_execution_context_comes_along_if_it_is_asked_for()
        => TestThreads.Run(() =>
        {
            var local = new AsyncLocal<int> { Value = 1 };
            _awaitable.TryRegister(s_callback, null, ValueTaskSourceOnCompletedFlags.FlowExecutionContext);
            local.Value = 2;
            Assert.True(_awaitable.TryTake(_end));

            int seen = 0;
            ExecutionContext.Run(_awaitable.Remove().Context!, _ => seen = local.Value, null);
            Assert.Equal(1, seen);
        });

    /// <summary>
    /// The two sides of a wait: one looks for a continuation after it has made the condition true, the other looks
    /// again.
    /// </summary>
    [Fact]
    public void Of_two_threads_that_meet_exactly_one_takes_the_continuation()
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
                    Assert.True(_awaitable.TryRegister(s_callback, round, ValueTaskSourceOnCompletedFlags.None));
                }

                if (Volatile.Read(ref condition) == round && _awaitable.TryTake(_end))
                {
                    Assert.Equal(round, _awaitable.Remove().State);
                    Interlocked.Increment(ref taken);
                }

                meeting.Meet();
                Assert.Equal(round, Volatile.Read(ref taken));
            }
        });
    }

    /// <summary>
    /// A thread that takes a continuation too early puts it back. The thread that makes the condition true meanwhile
    /// finds none, and relies on the other's second look.
    /// </summary>
    [Fact]
    public void A_continuation_that_is_put_back_as_its_wait_ends_is_taken_all_the_same()
    {
        const int Rounds = 50_000;

        int taken = 0;
        TestThreads.Run(2, (number, meeting) =>
        {
            for (int round = 1; round <= Rounds && meeting.HasTime(round); round++)
            {
                if (number == 0)
                {
                    _end.IsReady = false;
                    Assert.True(_awaitable.TryRegister(s_callback, round, ValueTaskSourceOnCompletedFlags.None));
                }

                meeting.Meet();
                if (number == 0)
                {
                    _end.IsReady = true;
                    Interlocked.MemoryBarrier();
                }

                if (_awaitable.TryTake(_end))
                {
                    Assert.Equal(round, _awaitable.Remove().State);
                    Interlocked.Increment(ref taken);
                }

                meeting.Meet();
                Assert.Equal(round, Volatile.Read(ref taken));
            }
        });
    }

    private sealed class End : IPipeEnd
    {
        private bool _isReady;

        public bool IsReady
        {
            get => Volatile.Read(ref _isReady);
            set => Volatile.Write(ref _isReady, value);
        }

        public void Fail(Exception error) => throw error;

        public void OnTokenCancelled() => throw new NotSupportedException();

        public void Execute() => throw new NotSupportedException();
    }
}
