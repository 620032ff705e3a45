using System;
using KestrelFdmTransport.EventLoops;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>How many loops spin at the same time.</summary>
public sealed class SpinPermitsTests
{
    [Fact]
    public void Not_every_cpu_may_spin_unless_there_is_only_one()
    {
        var spins = new SpinPermits(TimeSpan.FromMicroseconds(50));
        int allowed = Math.Max(1, Environment.ProcessorCount - 1);
        for (int i = 0; i < allowed; i++)
        {
            Assert.True(spins.TryTake());
        }

        Assert.False(spins.TryTake());
        spins.Release();
        Assert.True(spins.TryTake());
    }

    [Fact]
    public void Without_a_duration_no_loop_may_spin() => Assert.False(new SpinPermits(TimeSpan.Zero).TryTake());
}
