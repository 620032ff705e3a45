using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The idle timeout of a connection and when its last byte moved, in milliseconds. A byte that moves costs a look at a
/// coarse clock and a store: of two threads the last one wins, whose time at worst is a moment older.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal struct IdleTimer
{
    private int _timeout;
    private long _lastActivity;

    internal IdleTimer(int timeout) => _timeout = timeout;

    /// <summary>0 is none.</summary>
    internal int Timeout => Volatile.Read(ref _timeout);

    /// <summary>What is left of the timeout, in milliseconds.</summary>
    internal long Remaining => Math.Max(0, GetDeadline(Timeout) - Environment.TickCount64);

    /// <summary>When the connection has timed out, if no byte moves until then.</summary>
    /// <param name="timeout">The caller's reading of <see cref="Timeout"/>, which may change at any time.</param>
    internal long GetDeadline(int timeout) => Volatile.Read(ref _lastActivity) + timeout;

    /// <summary>Another timeout, whose time begins now.</summary>
    internal void Reset(int timeout)
    {
        Volatile.Write(ref _lastActivity, Environment.TickCount64);
        Volatile.Write(ref _timeout, timeout);
    }

    /// <summary>Bytes have come or gone.</summary>
    internal void RecordActivity()
    {
        if (Timeout != 0)
        {
            Volatile.Write(ref _lastActivity, Environment.TickCount64);
        }
    }
}
