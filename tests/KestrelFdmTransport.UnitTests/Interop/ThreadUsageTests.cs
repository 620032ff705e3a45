using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>Tells a thread that computes from one that waits.</summary>
public sealed class ThreadUsageTests
{
    [Fact]
    public void A_thread_that_sleeps_is_seen_to_wait() => TestThreads.Run(() =>
    {
        (long _, long before) = Sys.ThreadUsage();
        Thread.Sleep(2);
        (long _, long after) = Sys.ThreadUsage();

        Assert.True(after > before);
    });

    [Fact]
    public void A_thread_that_computes_is_seen_to_use_the_CPU() => TestThreads.Run(() =>
    {
        (long before, long _) = Sys.ThreadUsage();
        long now = before;
        for (int i = 0; i < 100_000 && now == before; i++)
        {
            Thread.SpinWait(1_000);
            (now, _) = Sys.ThreadUsage();
        }

        Assert.True(now > before);
    });
}
