using System;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>The end of a loop, and what comes to it afterwards.</summary>
[Collection(NonParallel.Name)]
public sealed class LoopEndTests : IDisposable
{
    private readonly LoopFixture _loops = new(2);

    public void Dispose()
    {
        FaultPoints.Handler = null;
        _loops.Dispose();
    }

    [Fact]
    public void A_loop_with_very_many_sources_ends_without_taking_memory_for_each()
    {
        // As many as a process may have descriptors for nearly everywhere.
        using var descriptors = new Descriptors(3_000);
        ProbeSource[] sources = Register(descriptors);
        long before = GC.GetTotalAllocatedBytes(precise: true);

        _loops.Loop.RequestStop();

        Assert.True(_loops.Loop.Join(Eventually.Limit));
        Assert.All(sources, static source => Assert.Equal(1, source.Closed));

        // A copy of what is left for each source would be 36 MB.
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 4_000_000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Commands_to_a_loop_that_has_ended_run_on_another_thread_than_their_posters(bool failed)
    {
        End(_loops.Loop, failed);
        int reader = 0;
        using var read = new ManualResetEventSlim();
        var source = new ProbeSource
        {
            Loop = _loops.Loop,
            OnCommanded = _ =>
            {
                reader = Environment.CurrentManagedThreadId;
                read.Set();
            },
        };
        var held = new Lock();
        TestThreads.Run(() =>
        {
            // The command must not run under a lock that its poster holds.
            lock (held)
            {
                source.Post(LoopCommand.Resume);
                read.Within("the reading of the mail");
            }

            Assert.NotEqual(Environment.CurrentManagedThreadId, reader);
        });
    }

    [Fact]
    public void Loops_that_have_ended_and_forward_to_each_other_do_not_wait_for_each_other()
    {
        EventLoop[] loops = _loops.Loops;
        Array.ForEach(loops, static loop => End(loop, failed: false));
        using var meeting = new Barrier(2);
        bool met = true;
        using var over = new CountdownEvent(2);
        foreach (EventLoop loop in loops)
        {
            EventLoop other = loops[1 - loop.Index];
            new ProbeSource
            {
                Loop = loop,
                OnCommanded = _ =>
                {
                    // Both are read at this moment, and now each posts to the other.
                    met &= meeting.SignalAndWait(Eventually.Limit);
                    new ProbeSource { Loop = other, OnCommanded = _ => over.Signal() }.Post(LoopCommand.Resume);
                },
            }.Post(LoopCommand.Resume);
        }

        Assert.True(over.Wait(Eventually.Limit));
        Assert.True(met);
    }

    [Fact]
    public void All_commands_that_threads_post_to_an_ended_loop_run_one_at_a_time()
    {
        const int Posters = 4;
        const int Each = 2_000;
        End(_loops.Loop, failed: false);
        int inside = 0;
        int together = 0;
        using var over = new CountdownEvent(Posters * Each);
        TestThreads.Run(Posters, _ =>
        {
            for (int i = 0; i < Each; i++)
            {
                new ProbeSource
                {
                    Loop = _loops.Loop,
                    OnCommanded = _ =>
                    {
                        together |= Interlocked.Increment(ref inside) - 1;
                        Interlocked.Decrement(ref inside);
                        over.Signal();
                    },
                }.Post(LoopCommand.Resume);
            }
        });

        Assert.True(over.Wait(Eventually.Limit));
        Assert.Equal(0, together);
    }

    [Fact]
    public void A_loop_that_has_failed_does_not_wait_for_a_source_that_closes_late()
    {
        using var pair = new SocketPair();
        EventLoop loop = _loops.Loop;
        var late = new ProbeSource { Loop = loop, OnStop = static _ => { } };
        LoopFixture.RunOn(loop, () => Assert.Equal(0, loop.Register(late, pair.Near.Value, EpollFlags.Connection)));

        // The sender does not leave before the loop has ended.
        LoopFixture.Fail(loop);
        Assert.True(loop.Join(Eventually.Limit));
        Assert.Equal(0, late.Closed);
        late.Post(LoopCommand.Close);

        Eventually.Until(() => late.Closed == 1, "the close of the source that is late");
    }

    [Fact]
    public void A_source_is_closed_although_there_was_no_memory_to_queue_it()
    {
        int failed = 0;
        using var closed = new ManualResetEventSlim();
        var source = new ProbeSource { Loop = _loops.Loop, OnClosing = closed.Set };
        FaultPoints.Handler = point =>
        {
            if (point == FaultPoint.CloseQueued && Interlocked.Increment(ref failed) <= 3)
            {
                ExceptionDispatchInfo.Throw(new InsufficientMemoryException());
            }
        };

        source.Post(LoopCommand.Close);

        closed.Within("the close");
        Assert.True(Volatile.Read(ref failed) > 3);
    }

    [Fact]
    public void Every_source_is_dispatched_although_there_was_no_memory_to_queue_them_all()
    {
        // A ready queue has room for 64 at first.
        const int Sources = 200;
        EventLoop loop = _loops.Loop;
        int failed = 0;
        FaultPoints.Handler = point =>
        {
            if (point == FaultPoint.ReadyQueueGrown)
            {
                Interlocked.Increment(ref failed);
                ExceptionDispatchInfo.Throw(new InsufficientMemoryException());
            }
        };
        using var dispatched = new CountdownEvent(Sources);
        var pairs = new SocketPair[Sources];
        LoopFixture.RunOn(loop, () =>
        {
            for (int i = 0; i < Sources; i++)
            {
                int seen = 0;
                var source = new ProbeSource
                {
                    Loop = loop,
                    OnServe = _ =>
                    {
                        if (seen++ == 0)
                        {
                            dispatched.Signal();
                        }
                    },
                };
                pairs[i] = new SocketPair();
                Assert.Equal(0, loop.Register(source, pairs[i].Near.Value, EpollFlags.Connection));
            }
        });

        Assert.True(dispatched.Wait(Eventually.Limit));
        Assert.True(failed > 0);
        Assert.False(loop.HasFailed);
        End(loop, failed: false);
        Array.ForEach(pairs, static pair => pair.Dispose());
    }

    [Fact]
    public void A_source_for_which_there_is_no_memory_takes_no_slot()
    {
        using var pair = new SocketPair();
        EventLoop loop = _loops.Loop;
        FaultPoints.Handler = static point =>
        {
            if (point == FaultPoint.SourceCounted)
            {
                ExceptionDispatchInfo.Throw(new InsufficientMemoryException());
            }
        };
        var source = new ProbeSource { Loop = loop, OnStop = static _ => { } };
        LoopFixture.RunOn(
            loop,
            () => Assert.Throws<InsufficientMemoryException>(
                () => loop.Register(source, pair.Near.Value, EpollFlags.Connection)));
        FaultPoints.Handler = null;

        // A loop ends when no slot is taken, and this source would not give one back.
        loop.RequestStop();
        Assert.True(loop.Join(Eventually.Limit));
    }

    [Fact]
    public void A_command_that_cannot_be_run_after_the_end_keeps_no_other_from_being_run()
    {
        EventLoop loop = _loops.Loop;
        End(loop, failed: false);

        // Of a source without a loop nothing can be found out.
        loop.Deliver(new ProbeSource());
        using var run = new ManualResetEventSlim();
        new ProbeSource { Loop = loop, OnCommanded = _ => run.Set() }.Post(LoopCommand.Resume);

        run.Within("the command of the other source");
    }

    private static void End(EventLoop loop, bool failed)
    {
        if (failed)
        {
            LoopFixture.Fail(loop);
        }
        else
        {
            loop.RequestStop();
        }

        Assert.True(loop.Join(Eventually.Limit));
    }

    private ProbeSource[] Register(Descriptors descriptors)
    {
        EventLoop loop = _loops.Loop;
        ProbeSource[] sources = Array.ConvertAll(descriptors.All, _ => new ProbeSource { Loop = loop });
        LoopFixture.RunOn(loop, () =>
        {
            for (int i = 0; i < sources.Length; i++)
            {
                Assert.Equal(
                    0,
                    loop.Register(sources[i], descriptors.All[i].Value, EpollFlags.In | EpollFlags.EdgeTriggered));
            }
        });
        return sources;
    }

    private sealed class Descriptors(int count) : IDisposable
    {
        public SafeFileDescriptor[] All { get; } =
            Array.ConvertAll(new int[count], static _ => new SafeFileDescriptor(Sys.CreateEventFd()));

        public void Dispose() => Array.ForEach(All, static descriptor => descriptor.Dispose());
    }
}
