using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>What can be seen of another thread.</summary>
[Collection(NonParallel.Name)]
public sealed class ThreadActivityTests
{
    [Fact]
    public void A_thread_that_computes_is_ready()
    {
        bool over = false;
        Observe(
            () =>
            {
                while (!Volatile.Read(ref over))
                {
                    Thread.SpinWait(100);
                }
            },
            ThreadActivity.Ready);
        Volatile.Write(ref over, true);
    }

    [Fact]
    public void A_thread_that_waits_for_an_event_waits_as_the_runtime_does()
    {
        using var over = new ManualResetEventSlim();
        Thread thread = Observe(() => over.Within("the end of the test"), ThreadActivity.InDoubt);
        Assert.True(thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        over.Set();
        Assert.True(thread.Join(Eventually.Limit));
    }

    [Fact]
    public void A_thread_that_waits_for_a_client_waits()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Thread thread = Observe(() => listener.Accept().Dispose(), ThreadActivity.Waits);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        Assert.True(thread.Join(Eventually.Limit));
    }

    [Fact]
    public void Without_the_files_nothing_is_known()
    {
        using var faults = new Faults(Syscall.ReadProcFile, "EMFILE", first: 1, step: 1);
        Assert.Equal(ThreadActivity.Unknown, Sys.Activity(Sys.ThreadId()));
        Assert.Equal(-1, Sys.ThreadRunDelay());
    }

    [Fact]
    public void A_thread_that_does_not_exist_is_not_known()
        => Assert.Equal(ThreadActivity.Unknown, Sys.Activity(int.MaxValue));

    [Fact]
    public void The_number_of_the_calling_thread_is_that_of_its_files()
        => TestThreads.Run(
            () => Assert.EndsWith($"/{Sys.ThreadId()}", new System.IO.FileInfo("/proc/thread-self").LinkTarget!));

    [Theory]
    [InlineData(Architecture.X64, 186, 202, 35, 230, 332)]
    [InlineData(Architecture.Arm64, 178, 98, 101, 115, 291)]
    [InlineData(Architecture.RiscV64, 178, 98, 101, 115, 291)]
    [InlineData(Architecture.LoongArch64, 178, 98, 101, 115, 291)]
    [InlineData(Architecture.Arm, 224, 240, 162, 265, 397)]
    [InlineData(Architecture.S390x, 236, 238, 162, 262, 379)]
    [InlineData(Architecture.Ppc64le, 207, 221, 162, 248, 383)]
    public void Every_architecture_has_its_numbers(
        Architecture architecture, int getThreadId, int futex, int sleep, int clockSleep, int fileStatus)
        => Assert.Equal(
            new SyscallNumbers(getThreadId, futex, sleep, clockSleep, fileStatus),
            SyscallNumbers.For(architecture));

    private static Thread Observe(ThreadStart body, ThreadActivity expected)
    {
        int id = 0;
        var thread = new Thread(() =>
        {
            Volatile.Write(ref id, Sys.ThreadId());
            body();
        })
        {
            IsBackground = true,
        };
        thread.Start();
        Eventually.Until(
            () => Volatile.Read(ref id) != 0 && Sys.Activity(id) == expected,
            $"a thread that is seen as {expected}");
        return thread;
    }
}
