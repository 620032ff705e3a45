using System;
using System.Threading;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>
/// Takes CPU from everything else while it lives: busy threads, and busy work items for every thread of the pool.
/// </summary>
internal sealed class BusyMachine : IDisposable
{
    private const int Iterations = 2000;

    private static readonly int s_threads = Environment.ProcessorCount;

    private int _stopped;

    private BusyMachine()
    {
        for (int i = 0; i < s_threads; i++)
        {
            new Thread(Spin) { IsBackground = true, Name = "busy" }.Start();
            ThreadPool.UnsafeQueueUserWorkItem(static machine => machine.SpinAndQueue(), this, preferLocal: false);
        }
    }

    private bool IsStopped => Volatile.Read(ref _stopped) != 0;

    /// <summary>Null for a machine that is left alone.</summary>
    public static BusyMachine? StartIf(bool busy) => busy ? new BusyMachine() : null;

    public void Dispose() => Volatile.Write(ref _stopped, 1);

    private void Spin()
    {
        while (!IsStopped)
        {
            Thread.SpinWait(Iterations);
        }
    }

    private void SpinAndQueue()
    {
        Thread.SpinWait(Iterations);
        if (!IsStopped)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static machine => machine.SpinAndQueue(), this, preferLocal: false);
        }
    }
}
