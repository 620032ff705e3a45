using System;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>
/// A transport's number in this process: the lowest that is free, so that a process which starts and stops many hosts (tests do)
/// has no more numbers than hosts at once.
/// </summary>
internal sealed class TransportNumber : IDisposable
{
    private static readonly Lock s_lock = new();
    private static readonly SortedSet<int> s_taken = [];

    private int _disposed;

    internal TransportNumber()
    {
        using (s_lock.Hold())
        {
            while (!s_taken.Add(Value))
            {
                Value++;
            }
        }
    }

    internal int Value { get; private set; }

    /// <summary>Gives the number back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            using (s_lock.Hold())
            {
                s_taken.Remove(Value);
            }
        }
    }
}
