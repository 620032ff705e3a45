using System;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

public sealed class LoopFailureTests : IDisposable
{
    private readonly List<(EventLoop Loop, Exception Exception, EventLoop? Replacement)> _failures = [];
    private EventLoopGroup? _group;

    public void Dispose() => _group?.Dispose();

    [Fact]
    public void A_loop_that_fails_ends_and_another_runs_in_its_place()
    {
        EventLoop[] loops = Start(new EventLoopSettings { LoopCount = 2 });
        (EventLoop failed, EventLoop other) = (loops[0], loops[1]);

        LoopFixture.Fail(failed);

        Assert.True(failed.Join(Eventually.Limit));
        EventLoop replacement = _group!.Loops[0];
        Assert.NotSame(failed, replacement);
        Assert.Equal((failed.Index, failed.Name), (replacement.Index, replacement.Name));
        Assert.Same(other, _group.Loops[1]);
        (EventLoop Loop, Exception Exception, EventLoop? Replacement) failure = Assert.Single(_failures);
        Assert.Equal((failed, replacement), (failure.Loop, failure.Replacement));
        Assert.IsType<NullReferenceException>(failure.Exception);
        LoopFixture.RunOn(replacement, () => Assert.Equal(replacement.Name, Thread.CurrentThread.Name));
        LoopFixture.RunOn(other, () => { });
    }

    [Fact]
    public void A_loop_that_fails_again_within_the_window_is_given_up()
    {
        EventLoop[] loops = Start(new EventLoopSettings { LoopCount = 1, RestartWindow = TimeSpan.FromDays(1) });

        FailFirst(loops);
        EventLoop second = loops[0];
        FailFirst(loops);

        Assert.Same(second, loops[0]);
        Assert.Equal(2, _failures.Count);
        Assert.Null(_failures[1].Replacement);
    }

    [Fact]
    public void A_loop_that_fails_again_after_the_window_is_started_again()
    {
        EventLoop[] loops = Start(new EventLoopSettings { LoopCount = 1, RestartWindow = TimeSpan.Zero });

        FailFirst(loops);
        FailFirst(loops);

        LoopFixture.RunOn(loops[0], () => { });
        Assert.All(_failures, failure => Assert.NotNull(failure.Replacement));
    }

    [Fact]
    public void The_failures_of_different_loops_are_not_added_up()
    {
        EventLoop[] loops = Start(new EventLoopSettings { LoopCount = 2 });

        EventLoop[] first = [.. loops];
        foreach (EventLoop loop in first)
        {
            LoopFixture.Fail(loop);
            Assert.True(loop.Join(Eventually.Limit));
        }

        Assert.All(_failures, failure => Assert.NotNull(failure.Replacement));
        Assert.All(loops, loop => LoopFixture.RunOn(loop, () => { }));
    }

    private static void FailFirst(EventLoop[] loops)
    {
        EventLoop loop = loops[0];
        LoopFixture.Fail(loop);
        Assert.True(loop.Join(Eventually.Limit));
    }

    private EventLoop[] Start(EventLoopSettings settings)
    {
        _group = new EventLoopGroup(settings, NullLogger.Instance);
        _group.LoopFailed += (loop, exception, replacement) => _failures.Add((loop, exception, replacement));
        return _group.AddUser();
    }
}
