using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>Loops start all together or leave nothing behind, and may be started again.</summary>
[Collection(NonParallel.Name)]
public sealed class LoopStartTests : IDisposable
{
    private const int LoopCount = 4;

    private readonly EventLoopGroup _group = new(new EventLoopSettings { LoopCount = LoopCount }, NullLogger.Instance);
    private readonly int _othersThreads = Threads();
    private int _steps;

    public void Dispose()
    {
        FaultPoints.Handler = null;
        SyscallFaultInjection.Handler = null;
        _group.Dispose();
    }

    [Theory]
    [InlineData("ThreadStarts")]
    [InlineData("EventBufferMade")]
    [InlineData("LoopMade")]
    public void A_step_that_finds_no_memory_or_thread_leaves_neither_threads_nor_descriptors(string step)
    {
        var failing = Enum.Parse<FaultPoint>(step);
        for (int number = 1; number <= LoopCount; number++)
        {
            int descriptors = Descriptors();
            _steps = 0;
            FaultPoints.Handler = point =>
            {
                if (point == failing && Interlocked.Increment(ref _steps) == number)
                {
                    ExceptionDispatchInfo.Throw(new InsufficientMemoryException());
                }
            };
            Assert.Throws<InsufficientMemoryException>(() => _group.AddUser());
            FaultPoints.Handler = null;
            AssertNothingIsLeft(descriptors);
        }

        AssertStarts();
    }

    [Fact]
    public void Every_system_call_of_the_start_may_fail()
    {
        // Three for each loop: two descriptors, and one is added to the other.
        for (int number = 1; number <= 3 * LoopCount; number++)
        {
            int descriptors = Descriptors();
            _steps = 0;
            SyscallFaultInjection.Handler = (call, _) =>
                call is Syscall.EpollCreate or Syscall.CreateEventFd or Syscall.EpollAdd
                    && Interlocked.Increment(ref _steps) == number
                    ? Errno.EMFILE
                    : 0;
            Assert.Throws<SocketException>(() => _group.AddUser());
            SyscallFaultInjection.Handler = null;
            AssertNothingIsLeft(descriptors);
        }

        AssertStarts();
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(100)]
    [InlineData(67)]
    public void More_loops_than_the_process_may_have_descriptors_for_are_refused_with_the_reason(int percent)
    {
        // All that it may have is too much, and so is what would leave none to clients.
        long limit = Sys.DescriptorLimit();
        int count = (int)Math.Min(limit * percent / 200, 500_000_000);
        using var group = new EventLoopGroup(new EventLoopSettings { LoopCount = count }, NullLogger.Instance);
        int descriptors = Descriptors();

        SocketException exception = Assert.Throws<SocketException>(() => group.AddUser());

        Assert.Equal(SocketError.TooManyOpenSockets, exception.SocketErrorCode);
        Assert.Contains(
            count.ToString(CultureInfo.InvariantCulture) + " event loops", exception.Message, StringComparison.Ordinal);
        Assert.Contains(limit.ToString(CultureInfo.InvariantCulture), exception.Message, StringComparison.Ordinal);
        Assert.Empty(group.Loops);
        Assert.InRange(Descriptors(), 0, descriptors);
    }

    [Fact]
    public void A_loop_for_whose_replacement_there_is_no_thread_is_given_up_and_leaves_no_descriptor()
    {
        EventLoop loop = _group.AddUser()[0];
        bool isGivenUp = false;
        _group.LoopFailed += (_, _, replacement) => isGivenUp = replacement is null;
        int descriptors = Descriptors();
        FaultPoints.Handler = static point =>
        {
            if (point == FaultPoint.ThreadStarts)
            {
                ExceptionDispatchInfo.Throw(new InsufficientMemoryException());
            }
        };

        LoopFixture.Fail(loop);

        Assert.True(loop.Join(Eventually.Limit));
        Assert.True(isGivenUp);
        Assert.Equal(descriptors - 2, Descriptors());
    }

    private static int Descriptors()
        => Directory.GetFileSystemEntries("/proc/self/fd").Select(static path => new FileInfo(path).LinkTarget)
            .Count(static target => target is not null && target.StartsWith("anon_inode:", StringComparison.Ordinal));

    private static int Threads()
        => Directory.GetDirectories("/proc/self/task").Count(static task =>
        {
            try
            {
                string name = File.ReadAllText(task + "/comm");
                return name.StartsWith("fdm-loop", StringComparison.Ordinal)
                    || name.StartsWith("fdm-standby", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                // It has ended.
                return false;
            }
        });

    private void AssertNothingIsLeft(int descriptors)
    {
        Assert.Empty(_group.Loops);
        Assert.Equal(descriptors, Descriptors());
        Eventually.Until(() => Threads() <= _othersThreads, "the end of the threads of a start that has failed");
    }

    private void AssertStarts()
    {
        EventLoop[] loops = _group.AddUser();
        Assert.Equal(LoopCount, loops.Length);
        Assert.All(loops, static loop => LoopFixture.RunOn(loop, static () => { }));
        _group.RemoveUser();
    }
}
