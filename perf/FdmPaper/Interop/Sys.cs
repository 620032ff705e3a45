using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.FdmPaper.Interop;

/// <summary>The calls with spans and exceptions.</summary>
internal static unsafe class Sys
{
    private const int NonBlockingCloseOnExec = 0x80800;
    private const int CloseOnExec = 0x80000;
    private const int NoSignal = 0x4000;
    private const int ErrorInterrupted = 4;
    private const int ErrorAgain = 11;

    /// <summary>A result that says: not now.</summary>
    internal const int Again = -ErrorAgain;

    internal static int Poll(Span<PollDescriptor> descriptors, int timeoutMilliseconds)
    {
        fixed (PollDescriptor* first = descriptors)
        {
            return Waited(LibC.Poll(first, (nuint)descriptors.Length, timeoutMilliseconds));
        }
    }

    internal static int EpollCreate() => Checked(LibC.EpollCreate1(CloseOnExec));

    internal static void EpollControl(int epoll, int operation, int descriptor, Span<byte> epollEvent)
    {
        fixed (byte* first = epollEvent)
        {
            Checked(LibC.EpollCtl(epoll, operation, descriptor, first));
        }
    }

    internal static int EpollWait(int epoll, Span<byte> events, int maxEvents, int timeoutMilliseconds)
    {
        fixed (byte* first = events)
        {
            return Waited(LibC.EpollWait(epoll, first, maxEvents, timeoutMilliseconds));
        }
    }

    /// <returns>A non-blocking descriptor, or a negated error number.</returns>
    internal static int Accept(int listener) => Result(LibC.Accept4(listener, null, null, NonBlockingCloseOnExec));

    internal static int Receive(int descriptor, Span<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            return Result((int)LibC.Receive(descriptor, first, buffer.Length, 0));
        }
    }

    internal static int Send(int descriptor, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            return Result((int)LibC.Send(descriptor, first, buffer.Length, NoSignal));
        }
    }

    internal static void Close(int descriptor) => Checked(LibC.Close(descriptor));

    internal static void Sleep(uint microseconds) => LibC.MicroSleep(microseconds);

    internal static void WriteEventFd(int process, int signal) => Checked(LibC.Kill(process, signal));

    /// <summary>CPU time of all threads of a process, in nanoseconds.</summary>
    internal static long ProcessCpuTime(int process)
    {
        // The clock of another process: its number inverted, and 2 for what the scheduler has counted (CPUCLOCK_SCHED).
        nint* time = stackalloc nint[2];
        Checked(LibC.ClockGetTime((~process << 3) | 2, time));
        return (time[0] * 1_000_000_000L) + time[1];
    }

    /// <summary>Raises the limit of descriptors as far as it goes, and returns it. Children inherit it.</summary>
    internal static long RaiseDescriptorLimit()
    {
        const int NumberOfFiles = 7;
        nuint* limits = stackalloc nuint[2];
        Checked(LibC.GetRLimit(NumberOfFiles, limits));
        limits[0] = limits[1];
        Checked(LibC.SetRLimit(NumberOfFiles, limits));
        return (long)Math.Min(limits[0], int.MaxValue);
    }

    /// <summary>The CPUs that the calling thread may use, up to 1024.</summary>
    internal static int[] UsableCpus()
    {
        const int Most = 1024;
        byte* mask = stackalloc byte[Most / 8];
        Checked(LibC.SchedGetAffinity(0, Most / 8, mask));
        var cpus = new List<int>();
        for (int cpu = 0; cpu < Most; cpu++)
        {
            if ((mask[cpu / 8] & (1 << (cpu % 8))) != 0)
            {
                cpus.Add(cpu);
            }
        }

        return [.. cpus];
    }

    internal static void PinThread(int cpu)
    {
        byte* mask = stackalloc byte[128];
        new Span<byte>(mask, 128).Clear();
        mask[cpu / 8] = (byte)(1 << (cpu % 8));
        Checked(LibC.SchedSetAffinity(0, 128, mask));
    }

    private static int Result(int result) => result < 0 ? -Marshal.GetLastPInvokeError() : result;

    private static int Waited(int result)
        => result < 0 && Marshal.GetLastPInvokeError() == ErrorInterrupted ? 0 : Checked(result);

    private static int Checked(int result)
        => result < 0 ? throw new Win32Exception(Marshal.GetLastPInvokeError()) : result;
}
