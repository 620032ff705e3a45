using System.Runtime.InteropServices;
using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

public sealed class SchedulingPolicyTests
{
    [Fact]
    public void A_thread_changes_its_policy_and_back_without_privilege() => TestThreads.Run(() =>
    {
        Assert.Equal(Sys.PolicyOther, Sys.SchedulingPolicy());

        Assert.Equal(0, Sys.SetSchedulingPolicy(Sys.PolicyBatch));
        Assert.Equal(Sys.PolicyBatch, Sys.SchedulingPolicy());

        Assert.Equal(0, Sys.SetSchedulingPolicy(Sys.PolicyOther));
        Assert.Equal(Sys.PolicyOther, Sys.SchedulingPolicy());
    });

    [Fact]
    public void A_policy_that_does_not_exist_is_refused()
        => TestThreads.Run(() => Assert.Equal(-Errno.EINVAL, Sys.SetSchedulingPolicy(1_000)));

    [Fact]
    public void Lost_CPUs_are_counted() => TestThreads.Run(() =>
    {
        long before = Sys.ProcessUsage().Preemptions;

        // Two threads that compute on one CPU take it from each other.
        byte[] all = CpuSetOfThread();
        byte[] one = new byte[all.Length];
        int first = System.Array.FindIndex(all, static bits => bits != 0);
        one[first] = (byte)(all[first] & -all[first]);
        bool done = false;
        TestThreads.Run(2, _ =>
        {
            Assert.Equal(0, Sys.SetCpuMask(one));
            Waiting.Until(() => Volatile.Read(ref done) || (done = Sys.ProcessUsage().Preemptions > before), "a thread to lose its CPU");
        });
    });

    [Theory]
    [InlineData(Architecture.X64, 144, 145)]
    [InlineData(Architecture.Arm64, 119, 120)]
    [InlineData(Architecture.RiscV64, 119, 120)]
    [InlineData(Architecture.LoongArch64, 119, 120)]
    [InlineData(Architecture.Arm, 156, 157)]
    [InlineData(Architecture.S390x, 156, 157)]
    [InlineData(Architecture.Ppc64le, 156, 157)]
    public void Every_architecture_has_its_numbers(Architecture architecture, int set, int get)
        => Assert.Equal(new SchedulerCallNumbers(set, get), SchedulerCallNumbers.For(architecture));

    private static byte[] CpuSetOfThread()
    {
        byte[] mask = new byte[128];
        Assert.True(Sys.CpuMask(mask) > 0);
        return mask;
    }
}
