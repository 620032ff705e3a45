using System;
using System.Runtime.InteropServices;
using System.Threading;
using KestrelFdmTransport.EventLoops;

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

    /// <summary>For the loop's owner: a deadline in the loop's wheel has come.</summary>
    internal Completion OnTimer(ConnectionIo io, long now)
    {
        int timeout = Timeout;
        if (timeout == 0)
        {
            return Completion.None;
        }

        long deadline = GetDeadline(timeout);
        if (deadline > now)
        {
            io.Loop.SetTimer(io, deadline);
            return Completion.None;
        }

        if (io.Sender.IsWaiting)
        {
            // The peer may have taken bytes long since: the loop was behind, or the socket says so only when there is
            // much room. So it is asked. That bytes of its own wait is no excuse here: a peer that takes nothing would
            // only have to send a byte too many to stay for ever.
            io.Loop.SetTimer(io, now + timeout);
            Completion sent = io.OnWritable();
            if (!io.Sender.IsWaiting || GetDeadline(timeout) > now)
            {
                return sent;
            }
        }
        else if (io.HasUnreadBytes)
        {
            // The loop or the application is behind, and not the peer.
            RecordActivity();
            io.Loop.SetTimer(io, now + timeout);
            return Completion.None;
        }

        io.Loop.Counters.IdleTimeouts++;
        return new Completion(CompletionFlags.TimedOut, Duration: IdleTimeout.From(timeout));
    }
}
