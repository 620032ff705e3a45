using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>What a thread has had of a CPU.</summary>
public sealed class ThreadUsageTests
{
    [Fact]
    public void A_thread_that_computes_is_seen_to_use_the_CPU() => TestThreads.Run(() =>
    {
        ThreadUsage before = Sys.GetThreadUsage();
        while (Sys.GetThreadUsage().CpuTime == before.CpuTime)
        {
            Thread.SpinWait(1_000);
        }

        Assert.True(Sys.GetThreadUsage().CpuTime > before.CpuTime);
    });

    [Fact]
    public void A_thread_that_sleeps_is_seen_to_wait() => TestThreads.Run(() =>
    {
        ThreadUsage before = Sys.GetThreadUsage();
        Thread.Sleep(1);

        Assert.True(Sys.GetThreadUsage().Waits > before.Waits);
    });

    [Fact]
    public void The_time_without_a_CPU_never_falls() => TestThreads.Run(() =>
    {
        long before = Sys.ThreadRunDelay();
        Thread.Yield();

        Assert.True(Sys.ThreadRunDelay() >= before);
    });
}
