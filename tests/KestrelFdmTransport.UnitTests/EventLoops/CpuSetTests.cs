using System;
using System.Linq;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

public sealed class CpuSetTests
{
    [Fact]
    public void The_usable_cpus_are_listed_in_ascending_order()
    {
        int[] cpus = CpuSet.Usable();

        Assert.NotEmpty(cpus);
        Assert.True(cpus[0] >= 0);
        Assert.Equal(cpus.Order().Distinct(), cpus);

        // A quota may let the process count fewer, never more.
        Assert.True(cpus.Length >= Environment.ProcessorCount);
    }

    [Fact]
    public void A_pinned_thread_has_one_cpu_and_the_others_keep_theirs()
    {
        int[] before = CpuSet.Usable();
        TestThreads.Run(() =>
        {
            Assert.True(CpuSet.PinThread(before[^1]));
            Assert.Equal([before[^1]], CpuSet.Usable());
            Assert.Equal(before[^1], Thread.GetCurrentProcessorId());
        });

        Assert.Equal(before, CpuSet.Usable());
    }

    [Fact]
    public void A_cpu_that_is_not_there_is_refused()
        => TestThreads.Run(() => Assert.False(CpuSet.PinThread(8_191)));
}
