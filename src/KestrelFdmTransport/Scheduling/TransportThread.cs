using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

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

    /// <summary>As <see cref="Start"/>; false if there is no room for one more, or would be none for others.</summary>
    internal static bool TryStart(ThreadHeadroom headroom, string name, ParameterizedThreadStart body, object? state)
    {
        try
        {
            if (!headroom.TryTake())
            {
                return false;
            }

            Start(name, body, state);
            return true;
        }
        catch (Exception)
        {
            // The runtime says this with several exceptions, and each means the same.
            headroom.OnFailed();
            return false;
        }
    }
}
