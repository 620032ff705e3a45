using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>What dispatched callbacks have flushed waits for company, and never for ever.</summary>
[Collection(NonParallel.Name)]
public sealed class FlushCoalescerTests
{
    /// <summary>So much later the monitor of a quiet machine has sent. The tests pass the time by hand and do not wait.</summary>
    private static readonly long s_longest = Stopwatch.Frequency / 500;

    private readonly ThreadPoolBacklog _backlog = new();
    private readonly long _now = Stopwatch.GetTimestamp();

    [Fact]
    public void With_a_CPU_that_may_run_out_of_work_nothing_is_held()
    {
        var held = new FlushCoalescer(_backlog);

        Assert.False(held.TryDelay(new ProbeSource(), _now, _now + 1));
        Assert.True(held.IsEmpty);
    }

    [Fact]
    public void After_a_long_callback_nothing_is_held()
    {
        FillBacklog();
        var held = new FlushCoalescer(_backlog);

        Assert.False(held.TryDelay(new ProbeSource(), _now, _now + s_longest));
        Assert.True(held.IsEmpty);
    }

    [Fact]
    public void Eight_flushes_leave_together_and_each_once()
    {
        FillBacklog();
        FlushCoalescer held = Unwatched();
        var sent = new ConcurrentQueue<int>();
        for (int i = 0; i < 8; i++)
        {
            int number = i;
            Assert.True(held.TryDelay(new ProbeSource { OnSendDeferred = () => sent.Enqueue(number) }, _now, _now));
            if (i < 7)
            {
                held.SendIfDue(_now);
                Assert.Empty(sent);
            }
        }

        Assert.False(held.TryDelay(new ProbeSource(), _now, _now));

        held.SendIfDue(_now);

        // A thread of the pool may have helped.
        Waiting.Until(() => sent.Count >= 8, "all to be sent");
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], sent.Order());
        Assert.True(held.IsEmpty);
    }

    [Fact]
    public void A_flush_leaves_when_it_has_waited_for_two_milliseconds()
    {
        FillBacklog();
        FlushCoalescer held = Unwatched();
        var source = new ProbeSource();
        Assert.True(held.TryDelay(source, _now, _now));

        held.SendIfDue(_now + s_longest - 1);
        Assert.Equal(0, source.DeferredSends);

        held.SendIfDue(_now + s_longest);
        Assert.Equal(1, source.DeferredSends);
    }

    [Fact]
    public void A_flush_leaves_as_soon_as_a_CPU_may_run_out_of_work()
    {
        int waiting = FillBacklog();
        FlushCoalescer held = Unwatched();
        var source = new ProbeSource();
        Assert.True(held.TryDelay(source, _now, _now));

        for (int i = 0; i < waiting; i++)
        {
            _backlog.OnStarted();
        }

        held.SendIfDue(_now);
        Assert.Equal(1, source.DeferredSends);
    }

    [Fact]
    public void A_source_that_throws_does_not_keep_the_others_from_sending()
    {
        FillBacklog();
        FlushCoalescer held = Unwatched();
        Exception? seen = null;
        var bad = new ProbeSource { OnSendDeferred = () => throw new InvalidOperationException("bad"), OnFailed = exception => Volatile.Write(ref seen, exception) };
        var good = new ProbeSource();
        Assert.True(held.TryDelay(bad, _now, _now));
        Assert.True(held.TryDelay(good, _now, _now));

        held.SendIfDue(_now + s_longest);

        Waiting.Until(() => Volatile.Read(ref seen) is not null && good.DeferredSends > 0, "both to be sent");
        Assert.Equal("bad", seen?.Message);
        Assert.Equal(1, good.DeferredSends);
    }

    [Fact]
    public void What_nobody_comes_for_is_sent_by_the_monitor()
    {
        FillBacklog();
        var held = new FlushCoalescer(_backlog);

        // From the second time on the monitor may be parked, about to park, or awake.
        for (int round = 0; round < 100; round++)
        {
            using var sent = new ManualResetEventSlim();
            Hold(held, sent);
            sent.Within("the monitor to send");
        }
    }

    [Fact]
    public void Whoever_flushes_again_takes_no_second_place()
    {
        FillBacklog();
        FlushCoalescer held = Unwatched();
        var source = new ProbeSource();
        for (int i = 0; i < 10; i++)
        {
            Assert.True(held.TryDelay(source, _now, _now));
        }

        held.SendIfDue(_now);
        Assert.Equal(0, source.DeferredSends);

        held.SendIfDue(_now + s_longest);
        Assert.Equal(1, source.DeferredSends);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 3)]
    [InlineData(false, 1)]
    [InlineData(false, 3)]
    public async Task Foreign_code_that_does_not_return_holds_up_its_own_connection_only(bool monitor, int blocking)
    {
        FillBacklog();
        FlushCoalescer held = monitor ? new FlushCoalescer(_backlog) : Unwatched();
        using var blocked = new CountdownEvent(blocking);
        using var release = new ManualResetEventSlim();
        using var others = new CountdownEvent(8 - blocking);
        long now = Stopwatch.GetTimestamp();
        for (int i = 0; i < blocking; i++)
        {
            Assert.True(held.TryDelay(new ProbeSource { OnSendDeferred = Block }, now, now));
        }

        for (int i = blocking; i < 8; i++)
        {
            Assert.True(held.TryDelay(new ProbeSource { OnSendDeferred = () => others.Signal() }, now, now));
        }

        Task sending = monitor ? Task.CompletedTask : Task.Run(() => held.SendIfDue(now + s_longest));
        Assert.True(blocked.Wait(Waiting.Limit));
        Assert.True(others.Wait(Waiting.Limit));
        Assert.True(monitor || !sending.IsCompleted);
        release.Set();
        await sending.Within("the end of sending");

        void Block()
        {
            blocked.Signal();
            release.Within("the release");
        }
    }

    [Fact]
    public void A_flush_that_is_held_as_the_monitor_parks_is_sent()
    {
        FillBacklog();
        var held = new FlushCoalescer(_backlog);
        using var sent = new ManualResetEventSlim();
        using var race = new AtSyncPoint(SyncPoint.MonitorParks, null, () => Hold(held, sent));

        StallMonitor.EnsureAwake();
        race.AssertHappened();

        sent.Within("the monitor to send");
    }

    [Fact]
    public void A_flush_that_is_held_as_the_monitor_ceases_to_watch_is_sent()
    {
        FillBacklog();
        var held = new FlushCoalescer(_backlog);
        using var first = new ManualResetEventSlim();
        using var second = new ManualResetEventSlim();
        using var race = new AtSyncPoint(SyncPoint.MonitorForgets, held, () => Hold(held, second));

        Hold(held, first);
        race.AssertHappened();

        first.Within("the monitor to send the first");
        second.Within("the monitor to send the second");
    }

    [Fact]
    public void A_look_of_the_monitor_that_fails_is_not_its_last_one()
    {
        FillBacklog();
        var held = new FlushCoalescer(_backlog);
        using var failed = new ManualResetEventSlim();
        using var first = new ManualResetEventSlim();
        using var second = new ManualResetEventSlim();
        SyncPoints.Handler = (point, subject) =>
        {
            if (point == SyncPoint.MonitorForgets && subject == held && !failed.IsSet)
            {
                failed.Set();
                throw new InvalidOperationException("This test's.");
            }
        };
        try
        {
            Hold(held, first);
            first.Within("the monitor to send the first");
            failed.Within("the look that fails");

            Hold(held, second);
            second.Within("the monitor to send the second");
        }
        finally
        {
            SyncPoints.Handler = null;
        }
    }

    [Fact]
    public void Whoever_holds_and_whoever_sends_nothing_is_forgotten()
    {
        const int Threads = 4;
        const int Rounds = 3_000;

        FillBacklog();
        var held = new FlushCoalescer(_backlog);
        TestThreads.Run(Threads, number =>
        {
            var random = new Random(number);
            for (int round = 0; round < Rounds; round++)
            {
                var source = new ProbeSource();
                long now = Stopwatch.GetTimestamp();
                bool isHeld = held.TryDelay(source, now, now);
                held.SendIfDue(random.Next(3) != 0 ? now + s_longest : now);
                if (isHeld)
                {
                    Waiting.Until(() => source.DeferredSends > 0, "the flush to be sent");
                    Assert.Equal(1, source.DeferredSends);
                }
            }
        });
    }

    private static void Hold(FlushCoalescer held, ManualResetEventSlim sent)
    {
        long now = Stopwatch.GetTimestamp();
        Assert.True(held.TryDelay(new ProbeSource { OnSendDeferred = sent.Set }, now, now));
    }

    /// <summary>Without the monitor, which would otherwise send what the test only looks at.</summary>
    private FlushCoalescer Unwatched() => new(_backlog) { IsWatched = true };

    /// <summary>As many callbacks as keep all CPUs busy for more than two milliseconds.</summary>
    private int FillBacklog()
    {
        int count = 100 * Environment.ProcessorCount;
        for (int i = 0; i < count; i++)
        {
            _backlog.Add();
        }

        return count;
    }
}
