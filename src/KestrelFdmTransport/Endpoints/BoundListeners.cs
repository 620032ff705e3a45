using System;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Endpoints;

/// <summary>
/// The listeners of a transport that are bound. One that has ended leaves the list when it is used next.
/// </summary>
internal sealed class BoundListeners
{
    private readonly Lock _lock = new();
    private readonly List<FdmConnectionListener> _listeners = [];

    internal void Add(FdmConnectionListener listener)
    {
        using (_lock.Hold())
        {
            RemoveEnded();
            try
            {
                _listeners.Add(listener);
            }
            catch (OutOfMemoryException)
            {
                // The endpoint is more important than its entry in the statistics.
            }
        }
    }

    internal FdmConnectionListener[] ToArray()
    {
        using (_lock.Hold())
        {
            RemoveEnded();
            return [.. _listeners];
        }
    }

    internal EndpointStatistics[] ReadStatistics()
        => Array.ConvertAll(ToArray(), static listener => listener.ReadStatistics());

    private void RemoveEnded() => _listeners.RemoveAll(static listener => listener.IsUnbound);
}
