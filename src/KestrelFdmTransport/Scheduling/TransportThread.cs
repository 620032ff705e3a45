using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Scheduling;

/// <summary>The one place where threads of ours are started.</summary>
internal static class TransportThread
{
    /// <summary>Starts a background thread without the caller's execution context.</summary>
    /// <exception cref="OutOfMemoryException">There is no room for one more.</exception>
    internal static void Start(string name, ParameterizedThreadStart body, object? state)
    {
        FaultPoints.Hit(FaultPoint.ThreadStarts);
        new Thread(body) { Name = name, IsBackground = true }.UnsafeStart(state);
    }

    /// <summary>
    /// As <see cref="Start"/>. False, with a line in the log, if there is no room for one more, or would be none for
    /// others.
    /// </summary>
    internal static bool TryStart(
        ThreadHeadroom headroom, ILogger logger, string name, ParameterizedThreadStart body, object? state)
    {
        try
        {
            if (headroom.TryTake())
            {
                Start(name, body, state);
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
