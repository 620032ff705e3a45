using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>Loops that are taken over from a callback that holds them.</summary>
[Collection(NonParallel.Name)]
public sealed class HandoffTests : IDisposable
{
    private static readonly TimeSpan s_threshold = TimeSpan.FromMilliseconds(2);

    private readonly SocketPair _pair = new();
    private readonly BlockingCollection<string> _seen = [];

    public void Dispose()
    {
        _pair.Dispose();
        _seen.Dispose();
    }

    [Fact]
    public void A_loop_goes_on_while_a_callback_blocks()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        var source = new ProbeSource { Loop = loops.Loop, OnCallbacks = BlockOnce(released) };
        Register(loops, source);
        Assert.Equal("entered", Next());

        for (int i = 0; i < 100; i++)
        {
            loops.Run(() => _seen.Add($"{i} {Thread.CurrentThread.Name}"));
            Assert.Equal($"{i} {loops.Loop.Name}", Next());
        }

        Assert.Equal(1, loops.Loop.Stalls);
        Assert.Equal(1, source.Stalls);
        Assert.Equal(1, loops.Standbys.Stalled);
        released.Set();
        Assert.Equal("left", Next());
        Eventually.Until(() => loops.Standbys is { Stalled: 0, Parked: 1 }, "the stalled thread to stand by");
        Unregister(loops, source);
    }

    [Fact]
    public void Events_that_were_polled_with_the_blocking_one_are_dispatched()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        List<SocketPair> pairs = [.. Enumerable.Range(0, 20).Select(_ => new SocketPair())];
        var sources = new List<ProbeSource>();
        int blocked = 0;
        foreach (SocketPair _ in pairs)
        {
            sources.Add(new ProbeSource
            {
                Loop = loops.Loop,
                OnCallbacks = () =>
                {
                    // The first of them, whichever it is.
                    if (Interlocked.Exchange(ref blocked, 1) == 0)
                    {
                        released.Wait(Eventually.Limit);
                    }

                    _seen.Add("served");
                },
            });
        }

        loops.Run(() =>
        {
            for (int i = 0; i < pairs.Count; i++)
            {
                Assert.Equal(0, loops.Loop.Register(sources[i], pairs[i].Near.Value, EpollFlags.Connection));
            }
        });
        for (int i = 1; i < pairs.Count; i++)
        {
            Next();
        }

        released.Set();
        Next();
        foreach (ProbeSource source in sources)
        {
            Unregister(loops, source);
        }

        pairs.ForEach(pair => pair.Dispose());
    }

    [Fact]
    public void An_event_that_came_for_the_blocked_source_is_served_by_the_new_owner()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        int told = 0;
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnServe = events => _seen.Add($"{(events & EpollFlags.In) != 0}"),
            OnCallbacks = () =>
            {
                if (Interlocked.Increment(ref told) == 1)
                {
                    released.Wait(Eventually.Limit);
                }
            },
        };
        Register(loops, source);
        Assert.Equal("False", Next());
        Sys.Send(_pair.Far.Value, [1]);
        while (!string.Equals(Next(), "True", StringComparison.Ordinal))
        {
        }

        released.Set();
        Unregister(loops, source);
    }

    [Fact]
    public void A_callback_may_wait_for_what_its_own_loop_does()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnCallbacks = () =>
            {
                loops.Run(() => _seen.Add("meanwhile"));
                _seen.Add("left");
            },
        };
        Register(loops, source);
        Assert.Equal(["meanwhile", "left"], [Next(), Next()]);
        Unregister(loops, source);
    }

    [Fact]
    public void A_callback_that_is_sent_for_sends_what_it_flushed()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        ProbeSource? source = null;
        source = new ProbeSource
        {
            Loop = loops.Loop,
            OnCallbacks = () =>
            {
                LoopThread.TryDefer(source!);
                released.Wait(Eventually.Limit);
            },
            OnSendDeferred = () => _seen.Add("sent"),
        };
        Register(loops, source);
        Assert.Equal("sent", Next());
        released.Set();
        Unregister(loops, source);
    }

    [Fact]
    public void A_stopped_group_does_not_wait_for_a_callback_that_never_ends()
    {
        using var released = new ManualResetEventSlim();
        var loops = new LoopFixture(stallThreshold: s_threshold);
        var source = new ProbeSource { Loop = loops.Loop, OnCallbacks = BlockOnce(released) };
        Register(loops, source);
        Assert.Equal("entered", Next());

        loops.Dispose();
        Assert.True(loops.Loop.Join(Eventually.Limit));
        released.Set();
        Assert.Equal("left", Next());
    }

    [Fact]
    public void Beyond_the_limit_the_group_says_so_and_recovers()
    {
        const int Limit = 3;
        using var loops = new LoopFixture(stallThreshold: s_threshold, maxStandbyThreads: Limit);
        using var released = new ManualResetEventSlim();
        List<SocketPair> pairs = [.. Enumerable.Range(0, Limit).Select(_ => new SocketPair())];
        foreach (SocketPair pair in pairs)
        {
            Assert.False(loops.Standbys.IsExhausted);
            var source = new ProbeSource { Loop = loops.Loop, OnCallbacks = BlockOnce(released) };
            loops.Run(() => Assert.Equal(
                0,
                loops.Loop.Register(source, pair.Near.Value, EpollFlags.In | EpollFlags.EdgeTriggered)));
            Sys.Send(pair.Far.Value, [1]);
            Assert.Equal("entered", Next());
            Eventually.Until(() => loops.Standbys.Handoffs > 0, "a hand-over");
        }

        Eventually.Until(() => loops.Standbys.IsExhausted, "the limit");
        released.Set();
        Eventually.Until(() => !loops.Standbys.IsExhausted, "the recovery");
        pairs.ForEach(pair => pair.Dispose());
    }

    [Fact]
    public void Callbacks_that_lose_the_loop_in_every_iteration_do_not_starve_commands()
    {
        const int Limit = 8;
        using var loops = new LoopFixture(stallThreshold: s_threshold, maxStandbyThreads: Limit);
        using var released = new ManualResetEventSlim();
        int entered = 0;
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnCallbacks = () =>
            {
                Interlocked.Increment(ref entered);
                released.Wait(Eventually.Limit);
            },
        };
        Register(loops, source);

        // Each new owner finds the source ready again, and loses the loop to the next one.
        loops.Run(static () => { });

        Assert.InRange(Volatile.Read(ref entered), 1, Limit - 1);
        released.Set();
        Unregister(loops, source);
    }

    /// <summary>
    /// The loop's owner changes at every possible moment; no event, command or close may get lost or be done twice.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_loop_that_is_taken_over_at_any_moment_loses_no_event_command_or_close(int count)
    {
        const int Sources = 16;
        const int Batches = 20;
        const int Rounds = 20;
        using var loops = new LoopFixture(count, stallThreshold: TimeSpan.Zero);
        List<SocketPair> pairs = [.. Enumerable.Range(0, Sources).Select(_ => new SocketPair())];
        long[] received = new long[Sources];
        int[] inside = new int[Sources];
        var sources = new List<ProbeSource>();
        for (int i = 0; i < Sources; i++)
        {
            int number = i;
            EventLoop loop = loops.Loops[i % count];
            sources.Add(new ProbeSource
            {
                Loop = loop,
                OnServe = _ =>
                {
                    // Only one owner at a time.
                    Assert.Equal(1, Interlocked.Increment(ref inside[number]));
                    byte[] buffer = new byte[64];
                    int read;
                    while ((read = Sys.Receive(pairs[number].Near.Value, buffer)) > 0)
                    {
                        Interlocked.Add(ref received[number], read);
                    }

                    Interlocked.Decrement(ref inside[number]);
                },
                OnCallbacks = () => Busy(Random.Shared.Next(0, 300)),
                OnFailed = exception => _seen.Add(exception.ToString()),
            });
            LoopFixture.RunOn(
                loop,
                () => Assert.Equal(0, loop.Register(sources[number], pairs[number].Near.Value, EpollFlags.Connection)));
        }

        // On a busy machine it may take a while until a standby thread has a CPU to take the loop over.
        for (int batch = 1; batch <= Batches || (loops.Standbys.Handoffs == 0 && batch <= 100 * Batches); batch++)
        {
            for (int round = 0; round < Rounds; round++)
            {
                for (int i = 0; i < Sources; i++)
                {
                    Sys.Send(pairs[i].Far.Value, [1]);
                    if (i % 4 == round % 4)
                    {
                        sources[i].Post(LoopCommand.Resume);
                    }
                }
            }

            long sent = (long)batch * Rounds * Sources;
            Eventually.Until(() => received.Sum() == sent, "all bytes");
        }

        Assert.True(loops.Standbys.Handoffs > 0);
        foreach (ProbeSource source in sources)
        {
            LoopFixture.RunOn(source.Loop, () => source.Loop.Deregister(source));
        }

        Assert.Empty(_seen);
        pairs.ForEach(pair => pair.Dispose());
    }

    [Fact]
    public void A_thread_that_lost_its_loop_and_is_interrupted_later_takes_the_next_loop()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        Thread? stalled = null;
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnCallbacks = BlockOnce(released, () => stalled = Thread.CurrentThread)
        };
        Register(loops, source);
        Assert.Equal("entered", Next());
        Eventually.Until(() => loops.Standbys.Stalled == 1, "the loop to be taken over");
        released.Set();
        Eventually.Until(() => loops.Standbys is { Stalled: 0, Parked: 1 }, "the stalled thread to stand by");

        // Otherwise the process ends here.
        stalled!.Interrupt();
        using var again = new ManualResetEventSlim();
        var other = new ProbeSource { Loop = loops.Loop, OnCommanded = _ => again.Set() };
        other.Post(LoopCommand.Resume);
        again.Within("the loop to go on");
        Eventually.Until(() => loops.Standbys.Parked == 1, "the thread to stand by again");
        Assert.True(stalled.IsAlive);
        Unregister(loops, source);
    }

    [Fact]
    public void Threads_that_stand_by_end_with_the_loops_and_stand_by_again_with_the_next_ones()
    {
        var group = new EventLoopGroup(
            new EventLoopSettings
            {
                LoopCount = 1,
                AllowsHandoff = true,
                StallThreshold = s_threshold,
                MaxStandbyThreads = 4
            },
            NullLogger.Instance);
        Thread? stalled = null;
        for (int round = 0; round < 2; round++)
        {
            EventLoop loop = group.AddUser()[0];
            using var released = new ManualResetEventSlim();
            var source = new ProbeSource
            {
                Loop = loop,
                OnCommanded = _ => { },
                OnCallbacks = BlockOnce(
                released,
                () => stalled = Thread.CurrentThread)
            };
            LoopFixture.RunOn(
                loop,
                () => Assert.Equal(0, loop.Register(source, _pair.Near.Value, EpollFlags.Connection)));
            Assert.Equal("entered", Next());
            Eventually.Until(() => group.Scheduler.Standbys.Stalled == 1, "the loop to be taken over");
            released.Set();
            Assert.Equal("left", Next());
            Eventually.Until(
                () => group.Scheduler.Standbys is { Stalled: 0, Parked: 1 }, "the stalled thread to stand by");
            LoopFixture.RunOn(loop, () => loop.Deregister(source));
            group.RemoveUser();
            group.StopIfUnused();

            // At once: a thread that the group does not stop ends too, but later.
            Assert.Equal(0, group.Scheduler.Standbys.Parked);
            Assert.True(stalled!.Join(Eventually.Limit));
        }

        group.Dispose();
    }

    [Fact]
    public void A_callback_that_has_lost_its_loop_leaves_it_alone_when_its_end_throws()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        Thread? stalled = null;
        Action block = BlockOnce(released, () => stalled = Thread.CurrentThread);
        ProbeSource? source = null;
        source = new ProbeSource
        {
            Loop = loops.Loop,
            OnCallbacks = () => LoopThread.Run(source!, _ => block(), null, null),
            OnAccount = () =>
            {
                if (Thread.CurrentThread == stalled)
                {
                    stalled = null;
                    throw new InvalidOperationException("This test's.");
                }
            },
        };
        Register(loops, source);
        Assert.Equal("entered", Next());
        Eventually.Until(() => loops.Standbys.Stalled == 1, "the loop to be taken over");

        released.Set();
        Assert.Equal("left", Next());

        // Otherwise the thread would end the loop, which is another's.
        Eventually.Until(() => loops.Standbys is { Stalled: 0, Parked: 1 }, "the stalled thread to stand by");
        Assert.Null(stalled);
        Assert.False(loops.Loop.HasFailed);
        Assert.Same(loops.Loop, loops.Group.Loops[0]);
        Unregister(loops, source);
    }

    /// <summary>Otherwise it costs the process.</summary>
    [Fact]
    public void What_is_thrown_as_a_loop_is_taken_over_costs_that_loop_and_another_runs_in_its_place()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        EventLoop first = loops.Loop;
        int thrown = 0;
        SyncPoints.Handler = (point, subject) =>
        {
            if (point == SyncPoint.LoopTaken && subject == first && Interlocked.Exchange(ref thrown, 1) == 0)
            {
                throw new InvalidOperationException("This test's.");
            }
        };
        try
        {
            Register(loops, new ProbeSource { Loop = first, OnCallbacks = BlockOnce(released) });
            Assert.Equal("entered", Next());
            Assert.True(first.Join(Eventually.Limit));
            released.Set();
            Assert.Equal("left", Next());

            Assert.NotSame(first, loops.Group.Loops[0]);
            LoopFixture.RunOn(loops.Group.Loops[0], static () => { });
        }
        finally
        {
            SyncPoints.Handler = null;
        }
    }

    [Fact]
    public void With_timers_that_are_always_late_a_flush_leaves_and_the_loop_is_taken_over()
    {
        SyncPoints.Handler = static (point, _) =>
        {
            if (point == SyncPoint.MonitorLooks)
            {
                Thread.Sleep(20);
            }
        };
        try
        {
            using var loops = new LoopFixture(stallThreshold: s_threshold);
            using var released = new ManualResetEventSlim();
            ProbeSource? source = null;
            Action block = BlockOnce(released, () => LoopThread.TryDefer(source!));
            source =
                new ProbeSource { Loop = loops.Loop, OnCallbacks = block, OnSendDeferred = () => _seen.Add("sent") };
            Register(loops, source);
            Assert.Equal(["entered", "sent"], [Next(), Next()]);
            loops.Run(() => _seen.Add("goes on"));
            while (!string.Equals(Next(), "goes on", StringComparison.Ordinal))
            {
            }

            released.Set();
            Unregister(loops, source);
        }
        finally
        {
            SyncPoints.Handler = null;
        }
    }

    /// <summary>If it stayed up between them, it would look a dozen times for each.</summary>
    [Fact]
    public void The_monitor_sleeps_between_callbacks_that_come_twenty_times_a_second()
    {
        const int Callbacks = 20;
        int looks = 0;
        SyncPoints.Handler = (point, _) =>
        {
            if (point == SyncPoint.MonitorLooks)
            {
                Interlocked.Increment(ref looks);
            }
        };
        try
        {
            using var loops = new LoopFixture(stallThreshold: s_threshold);
            var source = new ProbeSource { Loop = loops.Loop, OnCallbacks = () => _seen.Add("told") };
            Register(loops, source);
            Next();
            for (int i = 0; i < Callbacks; i++)
            {
                // The pace is what is tested.
                Thread.Sleep(50);
                Sys.Send(_pair.Far.Value, [1]);
                Next();
            }

            Assert.InRange(Volatile.Read(ref looks), 1, Callbacks * 6);
            Unregister(loops, source);
        }
        finally
        {
            SyncPoints.Handler = null;
        }
    }

    [Theory]
    [InlineData("EMFILE")]
    [InlineData("ENOENT")]
    public void A_callback_that_computes_is_not_taken_for_one_that_waits_when_nothing_can_be_read(string error)
    {
        using var faults = new Faults(Syscall.ReadProcFile, error, first: 1, step: 1);
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        bool over = false;
        int told = 0;
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnStall = computes =>
            {
                _seen.Add(computes ? "computes" : "waits");
                Volatile.Write(ref over, true);
            },
            OnCallbacks = () =>
            {
                if (Interlocked.Increment(ref told) == 1)
                {
                    while (!Volatile.Read(ref over))
                    {
                        Thread.SpinWait(100);
                    }
                }
            },
        };
        Register(loops, source);
        Assert.Equal("computes", Next());
        Unregister(loops, source);
    }

    [Fact]
    public void A_callback_that_waits_is_known_to_when_nothing_can_be_read()
    {
        using var faults = new Faults(Syscall.ReadProcFile, "EMFILE", first: 1, step: 1);
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        using var released = new ManualResetEventSlim();
        var source = new ProbeSource
        {
            Loop = loops.Loop,
            OnStall = computes => _seen.Add(computes ? "computes" : "waits"),
            OnCallbacks = BlockOnce(released)
        };
        Register(loops, source);
        Assert.Equal(["entered", "waits"], [Next(), Next()]);
        released.Set();
        Unregister(loops, source);
    }

    [Fact]
    public void A_thread_that_cannot_be_started_leaves_the_loop_to_its_callback()
    {
        using var loops = new LoopFixture(stallThreshold: s_threshold);
        int attempts = 0;
        FaultPoints.Handler = point =>
        {
            if (point == FaultPoint.ThreadStarts && Interlocked.Increment(ref attempts) > 0)
            {
                throw new InvalidOperationException(
                    "As ThreadStartException, which has no public constructor, it is none of the expected kinds.");
            }
        };
        try
        {
            var source = new ProbeSource
            {
                Loop = loops.Loop,
                OnCallbacks = () => Eventually.Until(
                () => Volatile.Read(ref attempts) > 0,
                "an attempt to start a standby")
            };
            Register(loops, source);
            loops.Run(() => _seen.Add("goes on"));
            Assert.Equal("goes on", Next());
            Unregister(loops, source);
        }
        finally
        {
            FaultPoints.Handler = null;
        }
    }

    private static void Busy(int microseconds)
    {
        long until = System.Diagnostics.Stopwatch.GetTimestamp()
            + (microseconds * System.Diagnostics.Stopwatch.Frequency / 1_000_000);
        while (System.Diagnostics.Stopwatch.GetTimestamp() < until)
        {
            Thread.SpinWait(10);
        }
    }

    private static void Unregister(LoopFixture loops, ProbeSource source)
        => loops.Run(() => loops.Loop.Deregister(source));

    /// <summary>Once, because a source that has lost its loop is served again.</summary>
    private Action BlockOnce(ManualResetEventSlim released, Action? entering = null)
    {
        int times = 0;
        return () =>
        {
            if (Interlocked.Increment(ref times) == 1)
            {
                entering?.Invoke();
                _seen.Add("entered");
                released.Wait(Eventually.Limit);
                _seen.Add("left");
            }
        };
    }

    private string Next()
    {
        Assert.True(_seen.TryTake(out string? what, Eventually.Limit), "Nothing came.");
        return what;
    }

    private void Register(LoopFixture loops, ProbeSource source)
        => loops.Run(() => Assert.Equal(0, loops.Loop.Register(source, _pair.Near.Value, EpollFlags.Connection)));
}
