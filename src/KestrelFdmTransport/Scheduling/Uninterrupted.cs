using System;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Waits and locks on threads that run user code, which may leave an interrupt pending
/// (<see cref="Thread.Interrupt"/>).
/// </summary>
/// <remarks>Like the waits of the thread pool, they ignore it.</remarks>
internal static class Uninterrupted
{
    private static readonly ManualResetEvent s_set = new(initialState: true);

    /// <summary>
    /// Waits for a permit; false if none comes in time. A thread that is interrupted begins to wait anew.
    /// </summary>
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
                // The interrupt was meant for a callback that is over.
            }
        }
    }

    /// <summary>
    /// Adds permits. A semaphore has a lock inside; if an interrupt there lost the permit, its waiter would wait for
    /// ever.
    /// </summary>
    internal static void GivePermits(this SemaphoreSlim semaphore, int count = 1)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                semaphore.Release(count);
                KeepPending(interrupted);
                return;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
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
                KeepPending(interrupted);
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
            // The wait has consumed the interrupt.
        }
    }

    /// <summary>An interrupt that was not ours stays pending for the code that it was meant for.</summary>
    private static void KeepPending(bool interrupted)
    {
        if (interrupted && OwnershipWord.RunsUserCode)
        {
            Thread.CurrentThread.Interrupt();
        }
    }
}
