using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>How many threads the process has and may have.</summary>
public sealed class ThreadRoomTests
{
    [Fact]
    public void The_threads_of_the_process_are_counted() => TestThreads.Run(8, (_, meeting) =>
    {
        meeting.Meet();
        Assert.InRange(ThreadRoom.Threads(), 8, 100_000);
        meeting.Meet();
    });

    [Fact]
    public void More_threads_leave_no_more_room()
        => Assert.InRange(ThreadRoom.Left(1_000), 0, ThreadRoom.Left(1));

    [Theory]
    [InlineData("0::/", "/sys/fs/cgroup")]
    [InlineData("0::/a/b", "/sys/fs/cgroup/a/b /sys/fs/cgroup/a /sys/fs/cgroup")]
    [InlineData(
        "9:name=systemd:/\n8:pids:/pod/one\n4:memory:/x",
        "/sys/fs/cgroup/pids/pod/one /sys/fs/cgroup/pids/pod /sys/fs/cgroup/pids")]
    [InlineData("3:cpu,pids:/a", "/sys/fs/cgroup/pids/a /sys/fs/cgroup/pids")]
    [InlineData("0::/with:colon", "/sys/fs/cgroup/with:colon /sys/fs/cgroup")]
    [InlineData("", "")]
    [InlineData("nonsense", "")]
    public void The_groups_that_count_threads_are_looked_up_to_the_top(string membership, string directories)
        => Assert.Equal(directories, string.Join(' ', ThreadRoom.Directories(membership)));
}
