using System;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Sees to it that a callback which flushes and then blocks does not sit on its bytes: samples the callback scopes about
/// every millisecond while flushes are being deferred, and sends for a scope that it finds in the same callback twice.
/// </summary>
/// <remarks>
/// One thread for the process, because pool threads serve every transport in it. Parked, it costs nothing, and after a
/// while it ends. No wake-up is lost: it publishes <i>parked</i>, issues a process-wide barrier and scans again, so either it
/// sees a deferral or the deferring thread, which writes its flag before it reads <i>parked</i>, sees the parking.
/// </remarks>
internal static class DeferredFlushMonitor
{
    private const int IdleSamplesBeforeParking = 10;
    private static readonly TimeSpan s_lifetimeParked = TimeSpan.FromSeconds(20);
    private static readonly Lock s_lock = new();
    private static readonly SemaphoreSlim s_wake = new(0);
    private static CallbackScope[] s_scopes = [];

    // 0: sampling. 1: parked. 2: no thread.
    private static int s_state = NoThread;

    private const int Sampling = 0;
    private const int Parked = 1;
    private const int NoThread = 2;

    internal static void Add(CallbackScope scope)
    {
        lock (s_lock)
        {
            // Once per thread, so this is also the time to forget threads that have ended: pool threads come and go.
            CallbackScope[] alive = Array.FindAll(s_scopes, static scope => scope.Thread.IsAlive);
            Volatile.Write(ref s_scopes, [.. alive, scope]);
        }
    }

    /// <summary>Called after a scope has published a deferral. One read when the monitor is awake.</summary>
    internal static void EnsureAwake()
    {
        if (Volatile.Read(ref s_state) != Sampling)
        {
            Wake();
        }
    }

    private static void Wake()
    {
        switch (Interlocked.Exchange(ref s_state, Sampling))
        {
            case Parked:
                s_wake.Release();
                break;
            case NoThread:
                new Thread(Run) { Name = "fdm-monitor", IsBackground = true }.UnsafeStart();
                break;
        }
    }

    private static void Run()
    {
        int idle = 0;
        while (true)
        {
            Thread.Sleep(1);
            if (Sample())
            {
                idle = 0;
            }
            else if (++idle >= IdleSamplesBeforeParking)
            {
                idle = 0;
                if (!Park())
                {
                    return;
                }
            }
        }
    }

    /// <summary>True if a flush is being deferred anywhere.</summary>
    private static bool Sample()
    {
        bool any = false;
        foreach (CallbackScope scope in Volatile.Read(ref s_scopes))
        {
            if (!scope.HasDeferred)
            {
                continue;
            }

            long word = scope.Word;
            if (scope.SentWord == word)
            {
                // Sent for; and later flushes of so old a callback are not deferred.
                continue;
            }

            any = true;
            if ((word & 1) == 0)
            {
                continue;
            }

            if (scope.SampledWord != word)
            {
                scope.SampledWord = word;
                continue;
            }

            IoSource? source = scope.Source;
            if (source is not null && scope.Word == word)
            {
                scope.SentWord = word;
                Send(source);
            }
        }

        return any;
    }

    private static void Send(IoSource source)
    {
        try
        {
            source.SendDeferred();
        }
        catch (Exception exception)
        {
            // A logger or a pool threw; it costs the connection, not the monitor.
            source.Fail(exception);
        }
    }

    /// <summary>Returns true when there is work again, false when this thread should end.</summary>
    private static bool Park()
    {
        Volatile.Write(ref s_state, Parked);
        Interlocked.MemoryBarrierProcessWide();
        foreach (CallbackScope scope in Volatile.Read(ref s_scopes))
        {
            if (scope.HasDeferred && scope.SentWord != scope.Word)
            {
                if (Interlocked.CompareExchange(ref s_state, Sampling, Parked) != Parked)
                {
                    // Somebody woke us meanwhile: take the permit that goes with it.
                    s_wake.Wait();
                }

                return true;
            }
        }

        if (s_wake.Wait(s_lifetimeParked))
        {
            return true;
        }

        if (Interlocked.CompareExchange(ref s_state, NoThread, Parked) == Parked)
        {
            return false;
        }

        s_wake.Wait();
        return true;
    }
}
