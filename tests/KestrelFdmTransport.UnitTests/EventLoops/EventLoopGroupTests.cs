using System;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

public sealed class EventLoopGroupTests
{
    [Fact]
    public void No_loop_runs_before_the_first_user()
    {
        using EventLoopGroup group = New(2);

        Assert.Empty(group.Loops);
    }

    [Fact]
    public void The_first_user_starts_as_many_loops_as_were_asked_for()
    {
        using EventLoopGroup group = New(3);

        EventLoop[] loops = group.AddUser();

        Assert.Equal(["fdm-loop-0", "fdm-loop-1", "fdm-loop-2"], Array.ConvertAll(loops, loop => loop.Name));
        Assert.Equal([0, 1, 2], Array.ConvertAll(loops, loop => loop.Index));
        Assert.Equal(loops, group.Loops);
        foreach (EventLoop loop in loops)
        {
            LoopFixture.RunOn(loop, () =>
            {
                Assert.True(loop.IsOwnedByCurrentThread);
                Assert.Equal(loop.Name, Thread.CurrentThread.Name);
                Assert.True(Thread.CurrentThread.IsBackground);
                Assert.False(Thread.CurrentThread.IsThreadPoolThread);
            });
            Assert.False(loop.IsOwnedByCurrentThread);
        }
    }

    [Fact]
    public void Later_users_share_the_loops_and_a_new_one_soon_after_the_last_has_gone_finds_them_running()
    {
        using EventLoopGroup group = New(1);
        EventLoop[] loops = group.AddUser();

        Assert.Same(loops, group.AddUser());
        group.RemoveUser();
        group.RemoveUser();

        Assert.Same(loops, group.AddUser());
        LoopFixture.RunOn(loops[0], () => { });
    }

    [Fact]
    public void Disposing_ends_the_loops_when_their_sources_have_ended()
    {
        using var pair = new SocketPair();
        EventLoopGroup group = New(2);
        EventLoop[] loops = group.AddUser();
        var source = new ProbeSource { Loop = loops[1] };
        LoopFixture.RunOn(
            loops[1],
            () => Assert.Equal(0, loops[1].Register(source, pair.Near.Value, EpollFlags.Connection)));

        group.Dispose();

        Assert.All(loops, loop => Assert.True(loop.Join(Eventually.Limit)));
        Assert.Equal(1, source.Closed);
        Assert.Empty(group.Loops);
    }

    [Fact]
    public void A_disposed_group_takes_no_users()
    {
        EventLoopGroup group = New(1);
        group.Dispose();

        Assert.Throws<ObjectDisposedException>(() => group.AddUser());
    }

    [Fact]
    public void A_user_may_go_after_the_group_was_disposed()
    {
        EventLoopGroup group = New(1);
        group.AddUser();
        group.Dispose();

        group.RemoveUser();
        group.Dispose();
    }

    [Fact]
    public void Several_threads_may_dispose_it()
    {
        for (int round = 0; round < 50; round++)
        {
            EventLoopGroup group = New(2);
            EventLoop[] loops = group.AddUser();
            TestThreads.Run(2, (_, meeting) =>
            {
                meeting.Meet();
                group.Dispose();
            });
            Assert.All(loops, loop => Assert.True(loop.Join(Eventually.Limit)));
        }
    }

    [Fact]
    public void A_loop_may_dispose_the_group_it_belongs_to()
    {
        EventLoopGroup group = New(2);
        EventLoop[] loops = group.AddUser();

        LoopFixture.RunOn(loops[0], group.Dispose);

        Assert.All(loops, loop => Assert.True(loop.Join(Eventually.Limit)));
    }

    [Fact]
    public void A_loop_is_above_its_share_if_it_has_more_than_the_average()
    {
        using EventLoopGroup group = New(2);
        EventLoop[] loops = group.AddUser();
        LoopFixture.AwaitIdle(loops);
        Assert.False(group.Balancer.IsAboveShare(loops[0], loops[0].Now));

        loops[0].OnConnectionOpened();
        Assert.True(group.Balancer.IsAboveShare(loops[0], loops[0].Now));
        Assert.False(group.Balancer.IsAboveShare(loops[1], loops[1].Now));

        loops[1].OnConnectionOpened();
        Assert.False(group.Balancer.IsAboveShare(loops[0], loops[0].Now));

        loops[0].OnConnectionClosed();
        Assert.True(group.Balancer.IsAboveShare(loops[1], loops[1].Now));
        loops[1].OnConnectionClosed();
    }

    [Fact]
    public void A_connection_that_moves_counts_for_the_group_at_every_moment()
    {
        using EventLoopGroup group = New(2);
        EventLoop[] loops = group.AddUser();
        loops[0].OnConnectionOpened();
        bool over = false;
        TestThreads.Run(
            () =>
            {
                for (int i = 0; i < 100_000; i++)
                {
                    loops[i % 2].OnConnectionMigrated(loops[1 - (i % 2)]);
                }

                Volatile.Write(ref over, true);
            },
            () =>
            {
                while (!Volatile.Read(ref over))
                {
                    Assert.Equal(1, group.Connections);
                }
            });

        Assert.Equal([1, 0], Array.ConvertAll(loops, loop => loop.ConnectionCount));
        loops[0].OnConnectionClosed();
        Assert.Equal(0, group.Connections);
    }

    private static EventLoopGroup New(int loops)
        => new(new EventLoopSettings { LoopCount = loops }, NullLogger.Instance);
}
