using System;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Waits and locks of ours on threads that run foreign code, which may leave an interrupt pending there (<see cref="Thread.Interrupt"/>).</summary>
/// <remarks>As the pool's own waits, they take no notice of it.</remarks>
internal static class Uninterrupted
{
    private static readonly ManualResetEvent s_set = new(initialState: true);

    /// <summary>Waits for a permit; false if none comes in time. A thread that is interrupted begins to wait anew.</summary>
    internal static bool WaitForPermit(this SemaphoreSlim semaphore, TimeSpan timeout)
    {
        while (true)
        {
            try
            {
                return semaphore.Wait(timeout);
            }
            catch (ThreadInterruptedException)
            {
                // It was meant for a callback that is over.
            }
        }
    }

    /// <summary>Enters the lock. An interrupt that is pending for the application's code stays so.</summary>
    internal static Lock.Scope Hold(this Lock @lock)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                Lock.Scope scope = @lock.EnterScope();
                if (interrupted && CallbackScope.RunsForeignCode)
                {
                    Thread.CurrentThread.Interrupt();
                }

                return scope;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }
    }

    /// <summary>Drops an interrupt that is pending for the calling thread.</summary>
    internal static void DropInterrupt()
    {
        try
        {
            s_set.WaitOne(0);
        }
        catch (ThreadInterruptedException)
        {
            // That was it.
        }
    }
}
