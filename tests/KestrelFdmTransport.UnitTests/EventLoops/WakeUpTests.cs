using System;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>No command is lost, no matter what the loop is doing when it is posted.</summary>
[Collection(NonParallel.Name)]
public sealed class WakeUpTests
{
    [Fact]
    public void A_sleeping_loop_runs_a_command()
    {
        using var loops = new LoopFixture();

        for (int i = 0; i < 100; i++)
        {
            loops.Run(() => { });
        }
    }

    [Fact]
    public void A_command_posted_as_the_loop_goes_to_sleep_runs()
    {
        using var loops = new LoopFixture();
        using var handled = new ManualResetEventSlim();
        var source = new ProbeSource { Loop = loops.Loop, OnCommanded = _ => handled.Set() };
        using AtSyncPoint race = AsItGoesToSleep(loops, () => source.Post(LoopCommand.Resume));

        race.AssertHappened();

        handled.Within("the handling of the mail");
    }

    [Fact]
    public void A_stop_that_comes_as_the_loop_goes_to_sleep_ends_it()
    {
        using var loops = new LoopFixture();
        using AtSyncPoint race = AsItGoesToSleep(loops, loops.Loop.RequestStop);

        race.AssertHappened();

        Assert.True(loops.Loop.Join(Eventually.Limit));
    }

    [Fact]
    public void A_command_posted_as_the_loop_ends_runs()
    {
        var loops = new LoopFixture();
        using var handled = new ManualResetEventSlim();
        var source = new ProbeSource { Loop = loops.Loop, OnCommanded = _ => handled.Set() };
        using var race = new AtSyncPoint(SyncPoint.LoopEnds, loops.Loop, () => source.Post(LoopCommand.Resume));

        loops.Dispose();
        race.AssertHappened();

        handled.Within("the handling of the mail");
    }

    [Fact]
    public void A_command_posted_as_its_source_migrates_runs_on_the_new_loop()
    {
        using var loops = new LoopFixture(loops: 2);
        using var handled = new ManualResetEventSlim();
        string? handler = null;
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnMove = (source, destination) =>
            {
                source.Post(LoopCommand.Resume);
                source.Loop = destination;
            },
            OnCommanded = _ =>
            {
                handler = Thread.CurrentThread.Name;
                handled.Set();
            },
        };

        loops.Run(() => Assert.True(loops.Loop.TryMigrateTo(source, loops.Loops[1])));

        handled.Within("the handling of the mail");
        Assert.Equal(loops.Loops[1].Name, handler);
    }

    [Fact]
    public void A_source_stays_where_it_is_if_the_other_loop_has_no_memory_for_it()
    {
        using var loops = new LoopFixture(loops: 2);
        using var handled = new ManualResetEventSlim();
        string? handler = null;
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnMove = static (_, _) => ExceptionDispatchInfo.Throw(new InsufficientMemoryException()),
            OnCommanded = _ =>
            {
                handler = Thread.CurrentThread.Name;
                handled.Set();
            },
        };

        loops.Run(() => Assert.False(loops.Loop.TryMigrateTo(source, loops.Loops[1])));

        source.Post(LoopCommand.Resume);
        handled.Within("the handling of the command");
        Assert.Equal(loops.Loop.Name, handler);
        Assert.Equal(0, loops.Loop.Counters.Migrations);
    }

    [Fact]
    public void A_flush_that_is_deferred_as_the_monitor_parks_is_sent()
    {
        using var loops = new LoopFixture();
        using var parking = new ManualResetEventSlim();
        using var deferred = new ManualResetEventSlim();
        using var sent = new ManualResetEventSlim();
        bool sentMeanwhile = false;
        var source = new ProbeSource { Loop = loops.Loop, OnSendDeferred = sent.Set };
        using var race = new AtSyncPoint(SyncPoint.MonitorParks, null, () =>
        {
            parking.Set();
            deferred.Within("a flush");
        });

        StallMonitor.EnsureAwake();
        TestThreads.Run(() =>
        {
            parking.Within("the monitor to park");
            while (!deferred.IsSet)
            {
                LoopThread.Run(source, _ => FlushAndBlock(), null, null);
            }
        });
        race.AssertHappened();

        Assert.True(sentMeanwhile);

        void FlushAndBlock()
        {
            // Not if this thread has been without a CPU since it entered: then it is another callback's iteration.
            if (LoopThread.TryDefer(source))
            {
                deferred.Set();
                sentMeanwhile = sent.Wait(Eventually.Limit);
            }
        }
    }

    [Fact]
    public void Messages_that_come_together_are_handed_over_together()
    {
        using var loops = new LoopFixture();
        LoopCommand seen = LoopCommand.None;
        int times = 0;
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnCommanded = command =>
            {
                seen |= command;
                times++;
            },
        };

        loops.Run(() =>
        {
            source.Post(LoopCommand.Resume);
            source.Post(LoopCommand.Close);
            source.Post(LoopCommand.Resume);
        });
        loops.Run(() => { });

        Assert.Equal((LoopCommand.Resume | LoopCommand.Close, 1), (seen, times));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public void Every_post_is_followed_by_its_handling(int spinMicroseconds)
    {
        const int Posters = 2;
        const int PostsEach = 50_000;

        using var loops = new LoopFixture(spin: TimeSpan.FromMicroseconds(spinMicroseconds));
        TestThreads.Run(Posters, number =>
        {
            var random = new Random(number);
            long posted = 0;
            long handled = 0;
            var source = new ProbeSource
            {
                Loop = loops.Loop,
                OnCommanded = _ => Volatile.Write(ref handled, Volatile.Read(ref posted))
            };
            for (int i = 1; i <= PostsEach; i++)
            {
                // Now while the loop works, now while it is about to sleep, now while it sleeps.
                Pass(random.Next(4) == 0 ? random.Next(4_000) : random.Next(200));
                Volatile.Write(ref posted, i);
                source.Post(LoopCommand.Resume);
                Eventually.Until(() => Volatile.Read(ref handled) == i, $"the handling of post {i}");
            }
        });
    }

    [Fact]
    public void The_last_of_many_posts_from_many_threads_is_followed_by_a_handling()
    {
        const int Posters = 3;
        const int Rounds = 1_000;
        const int PostsEach = 100;

        using var loops = new LoopFixture(loops: 2);
        long posted = 0;
        long handled = 0;
        int concurrent = 0;
        var source = new ProbeSource
        {
            Loop = loops.Loops[1],
            OnCommanded = _ =>
            {
                Assert.Equal(1, Interlocked.Increment(ref concurrent));
                Volatile.Write(ref handled, Interlocked.Read(ref posted));
                Interlocked.Decrement(ref concurrent);
            },
        };
        TestThreads.Run(Posters, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 1; round <= Rounds; round++)
            {
                meeting.Meet();
                for (int i = 0; i < PostsEach; i++)
                {
                    Interlocked.Increment(ref posted);
                    source.Post(LoopCommand.Resume);
                    Pass(random.Next(20));
                }

                meeting.Meet();
                Eventually.Until(
                    () => Volatile.Read(ref handled) == (long)round * Posters * PostsEach,
                    $"the end of round {round}");
            }
        });
    }

    [Fact]
    public void A_stop_reaches_a_loop_in_every_state()
    {
        var random = new Random(1);
        for (int round = 0; round < 300; round++)
        {
            var loops = new LoopFixture(loops: 2);
            var source = new ProbeSource { Loop = loops.Loop };
            source.Post(LoopCommand.Resume);
            Pass(random.Next(5_000));
            loops.Dispose();
            Assert.All(loops.Loops, loop => Assert.True(loop.Join(Eventually.Limit)));
        }
    }

    /// <summary>The next time, and nothing wakes the loop afterwards.</summary>
    private static AtSyncPoint AsItGoesToSleep(LoopFixture loops, Action @event)
    {
        AtSyncPoint? race = null;
        loops.Run(() => race = new AtSyncPoint(SyncPoint.LoopSleeps, loops.Loop, @event));
        return race!;
    }

    private static void Pass(int nanoseconds)
    {
        long until = Stopwatch.GetTimestamp() + (nanoseconds * Stopwatch.Frequency / 1_000_000_000);
        while (Stopwatch.GetTimestamp() < until)
        {
            Thread.SpinWait(1);
        }
    }
}
