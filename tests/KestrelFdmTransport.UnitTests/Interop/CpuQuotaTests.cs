using System;
using System.IO;
using KestrelFdmTransport.Interop;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>
/// Control groups as they are written on hosts and in containers, in a directory that looks like a file system.
/// </summary>
public sealed class CpuQuotaTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("fdm-quota").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("0::/app.slice/web.service", "sys/fs/cgroup/app.slice/web.service/cpu.max", "20000 100000\n")]
    [InlineData("0::/app.slice/web.service", "sys/fs/cgroup/app.slice/cpu.max", "150000 100000\n")]
    [InlineData("0::/", "sys/fs/cgroup/cpu.max", "20000 100000\n")]
    [InlineData("12:pids:/x\n0::/x", "sys/fs/cgroup/unified/x/cpu.max", "20000 100000\n")]
    [InlineData(
        "4:cpu,cpuacct:/docker/1\n2:memory:/docker/1",
        "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us",
        "20000\n")]
    [InlineData("4:cpuacct,cpu:/docker/1", "sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "20000\n")]
    [InlineData("4:cpu,cpuacct:/docker/1", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "20000\n")]
    public void A_limit_of_the_group_or_one_that_it_is_part_of_is_found(string groups, string file, string limit)
    {
        Write("proc/self/cgroup", groups + "\n");
        Write(file, limit);

        Assert.True(CpuQuota.IsSet(_root));
    }

    [Theory]
    [InlineData("0::/app.slice", "sys/fs/cgroup/app.slice/cpu.max", "max 100000\n")]
    [InlineData("0::/app.slice", "sys/fs/cgroup/other.slice/cpu.max", "20000 100000\n")]
    [InlineData("4:cpu,cpuacct:/docker/1", "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "-1\n")]
    [InlineData("4:cpuset:/docker/1", "sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "20000\n")]
    [InlineData("0::/", "sys/fs/cgroup/cpu.max", "")]
    [InlineData("nonsense", "sys/fs/cgroup/cpu.max", "20000 100000\n")]
    public void Without_one_there_is_none(string groups, string file, string limit)
    {
        Write("proc/self/cgroup", groups + "\n");
        Write(file, limit);

        Assert.False(CpuQuota.IsSet(_root));
    }

    [Fact]
    public void Where_there_are_no_control_groups_there_is_no_limit() => Assert.False(CpuQuota.IsSet(_root));

    [Fact]
    public void A_group_of_any_name_is_looked_through_to_its_end()
    {
        Write("proc/self/cgroup", "0::relative\n1:cpu:\n2:cpu:/..//../a/\n");

        Assert.False(CpuQuota.IsSet(_root));
    }

    private void Write(string path, string text)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
