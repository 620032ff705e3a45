using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Starts all threads of the transport.</summary>
internal static class TransportThread
{
    /// <summary>Starts a background thread without the caller's execution context.</summary>
    /// <exception cref="OutOfMemoryException">There is no room for one more.</exception>
    internal static void Start(string name, ThreadStart body)
    {
        FaultPoints.Hit(FaultPoint.ThreadStarts);
        new Thread(body) { Name = name, IsBackground = true }.UnsafeStart();
    }

    /// <summary>
    /// As <see cref="Start"/>. Logs and returns false if a thread cannot be started, or would be one of the process's
    /// last.
    /// </summary>
    internal static bool TryStart(ThreadHeadroom headroom, ILogger logger, string name, ThreadStart body)
    {
        try
        {
            if (headroom.TryTake())
            {
                Start(name, body);
                return true;
            }
        }
        catch (Exception)
        {
            // The runtime reports a lack of threads with several exceptions, and each means the same.
            headroom.OnFailed();
        }

        if (headroom.Reports.TryBegin())
        {
            // The caller may be the monitor, or own a loop, and a log is user code.
            ThreadPool.UnsafeQueueUserWorkItem(
                static state => Log.ThreadNotStarted(state.Logger, state.Name),
                (Logger: logger, Name: name),
                preferLocal: false);
        }

        return false;
    }
}
