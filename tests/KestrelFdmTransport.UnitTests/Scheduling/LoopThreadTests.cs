using System;
using System.Globalization;
using System.Reflection;
using System.Threading;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>What surrounds a callback of the application: deferral, exceptions, traces on our threads.</summary>
public sealed class LoopThreadTests
{
    private readonly ProbeSource _source = new();

    [Fact]
    public void Outside_a_callback_nothing_is_deferred()
        => TestThreads.Run(() => Assert.False(LoopThread.TryDefer(_source)));

    [Fact]
    public void What_a_callback_defers_is_sent_when_it_has_ended_at_the_latest()
        => TestThreads.Run(() =>
        {
            RunDeferring(_source, () => { });

            // The monitor may have sent as well, if this thread was held up inside the callback.
            Assert.True(_source.DeferredSends > 0);
        });

    [Fact]
    public void A_callback_that_defers_nothing_sends_nothing()
        => TestThreads.Run(() =>
        {
            LoopThread.Run(_source, _ => { }, null, null);

            Assert.Equal(0, _source.DeferredSends);
        });

    [Fact]
    public void A_callback_for_one_source_defers_nothing_for_another()
        => TestThreads.Run(
            () => LoopThread.Run(_source, _ => Assert.False(LoopThread.TryDefer(new ProbeSource())), null, null));

    [Fact]
    public void A_callback_that_goes_on_for_long_defers_nothing()
        => TestThreads.Run(() => LoopThread.Run(
            _source,
            _ =>
            {
                Eventually.Until(() => !LoopThread.TryDefer(_source), "the end of deferral");
                Assert.False(LoopThread.TryDefer(_source));
            },
            null,
            null));

    [Fact]
    public void A_callback_that_blocks_does_not_sit_on_what_it_deferred()
    {
        // From the second time on the monitor may be parked, about to park, or awake.
        for (int round = 0; round < 50; round++)
        {
            using var sent = new ManualResetEventSlim();
            var source = new ProbeSource { OnSendDeferred = sent.Set };
            TestThreads.Run(() => RunDeferring(source, () => sent.Within("the monitor to send")));
        }
    }

    [Fact]
    public void A_callback_inside_a_callback_leaves_the_deferral_to_the_outer_one()
        => TestThreads.Run(() =>
        {
            var inner = new ProbeSource();
            RunDeferring(
                _source,
                () => LoopThread.Run(inner, _ => Assert.False(LoopThread.TryDefer(inner)), null, null));
            Assert.Equal(0, inner.DeferredSends);
            Assert.True(_source.DeferredSends > 0);
        });

    [Fact]
    public void What_a_callback_throws_costs_its_source_and_nothing_else()
        => TestThreads.Run(() =>
        {
            Exception? seen = null;
            var source = new ProbeSource { OnFailed = exception => seen = exception };
            var thrown = new InvalidOperationException();

            LoopThread.Run(source, _ => throw thrown, null, null);

            Assert.Same(thrown, seen);
            Assert.False(LoopThread.TryDefer(source));
        });

    [Fact]
    public void A_callback_runs_with_its_state_and_in_its_context()
        => TestThreads.Run(() =>
        {
            var local = new AsyncLocal<string> { Value = "captured" };
            ExecutionContext context = ExecutionContext.Capture()!;
            local.Value = "present";
            object? state = null;
            string? inContext = null;
            string? withoutContext = null;

            LoopThread.Run(_source, given => (state, inContext) = (given, local.Value), this, context);
            LoopThread.Run(_source, _ => withoutContext = local.Value, null, null);

            Assert.Same(this, state);
            Assert.Equal(("captured", "present", "present"), (inContext, withoutContext, local.Value));
        });

    [Fact]
    public void A_callback_leaves_no_trace_on_a_thread_of_ours()
    {
        using var loops = new LoopFixture();
        loops.Run(() =>
        {
            var local = new AsyncLocal<string>();
            LoopThread.Run(
                _source,
                _ =>
                {
                    local.Value = "left behind";
                    SynchronizationContext.SetSynchronizationContext(new SynchronizationContext());
                    Thread.CurrentThread.Name = "renamed";
                    ExecutionContext.SuppressFlow();
                    Thread.CurrentThread.IsBackground = false;
                    Thread.CurrentThread.Priority = ThreadPriority.Highest;
                    Thread.CurrentThread.Interrupt();
                    CultureInfo.CurrentCulture = new CultureInfo("tr-TR");
                },
                null,
                null);

            Assert.False(ExecutionContext.IsFlowSuppressed());
            Assert.Null(local.Value);
            Assert.Null(SynchronizationContext.Current);
            Assert.Equal(loops.Loop.Name, Thread.CurrentThread.Name);
            Assert.True(Thread.CurrentThread.IsBackground);
            Assert.Equal(ThreadPriority.Normal, Thread.CurrentThread.Priority);
            Assert.NotEqual("tr-TR", CultureInfo.CurrentCulture.Name, StringComparer.Ordinal);

            // An interrupt that is pending would be thrown here.
            Thread.Sleep(1);
        });
    }

    [Fact]
    public void An_interrupt_for_the_application_survives_a_lock_of_ours()
        => TestThreads.Run(() =>
        {
            var contended = new Lock();
            using var held = new ManualResetEventSlim();
            Thread me = Thread.CurrentThread;
            var holder = new Thread(() =>
            {
                using (contended.EnterScope())
                {
                    held.Set();
                    Eventually.Until(
                        () => me.ThreadState.HasFlag(ThreadState.WaitSleepJoin),
                        "a thread that waits for the lock");
                    me.Interrupt();
                    Eventually.Until(
                        () => me.ThreadState.HasFlag(ThreadState.WaitSleepJoin),
                        "a thread that waits for the lock again");
                }
            })
            {
                IsBackground = true,
            };
            holder.Start();
            held.Within("the lock to be held");
            using (contended.Hold())
            {
            }

            Assert.Throws<ThreadInterruptedException>(() => Thread.Sleep(1));
            holder.Join();
        });

    /// <summary>
    /// A semaphore takes a lock of its own, and another thread would wait for ever for a permit that has got lost
    /// there.
    /// </summary>
    [Fact]
    public void An_interrupt_keeps_no_permit_back_and_is_kept_for_the_application()
        => TestThreads.Run(() =>
        {
            using var semaphore = new SemaphoreSlim(0);
            object inside = typeof(SemaphoreSlim)
                .GetField("m_lockObjAndDisposed", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(semaphore)!;
            using var held = new ManualResetEventSlim();
            Thread me = Thread.CurrentThread;
            var holder = new Thread(() =>
            {
                lock (inside)
                {
                    held.Set();
                    Eventually.Until(
                        () => me.ThreadState.HasFlag(ThreadState.WaitSleepJoin),
                        "a thread that waits for the lock");
                    me.Interrupt();
                    Eventually.Until(
                        () => me.ThreadState.HasFlag(ThreadState.WaitSleepJoin),
                        "a thread that waits for the lock again");
                }
            })
            {
                IsBackground = true,
            };
            holder.Start();
            held.Within("the lock to be held");

            semaphore.GivePermits();

            Assert.Equal(1, semaphore.CurrentCount);
            Assert.Throws<ThreadInterruptedException>(() => Thread.Sleep(1));
            holder.Join();
        });

    /// <summary>
    /// Runs the body in a callback that has deferred a flush; again if the machine was so slow that it was too old.
    /// </summary>
    private static void RunDeferring(ProbeSource source, Action body)
    {
        bool deferred = false;
        Eventually.Until(
            () =>
            {
                LoopThread.Run(
                    source,
                    _ =>
                    {
                        deferred = LoopThread.TryDefer(source);
                        if (deferred)
                        {
                            body();
                        }
                    },
                    null,
                    null);
                return deferred;
            },
            "a callback that may defer");
    }
}
