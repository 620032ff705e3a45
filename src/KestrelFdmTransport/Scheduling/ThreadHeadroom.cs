using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Keeps the transport from taking the last threads of the process. The .NET runtime needs some, and ends the process
/// when it does not get one.
/// </summary>
/// <remarks>
/// Some limits are not visible: those of an outer container, or of a user with other processes. So a failed start sets
/// a limit: for a minute the process may have at most the threads it had then.
/// </remarks>
/// <param name="count">Returns the number of threads of the process.</param>
/// <param name="left">Returns how many more the limits leave, given that number.</param>
internal sealed class ThreadHeadroom(Func<int> count, Func<int, int> left, TimeProvider time)
{
    internal static readonly ThreadHeadroom Process = new(ThreadRoom.Threads, ThreadRoom.Left, TimeProvider.System);

    /// <summary>Reserved for the rest of the process. The thread pool starts one per CPU at once.</summary>
    internal static readonly int Reserved = Math.Max(16, Environment.ProcessorCount);

    /// <summary>The pool adds one or two threads meanwhile.</summary>
    private static readonly TimeSpan s_validity = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan s_memory = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private long _measuredAt;
    private int _room;
    private bool _isMeasured;
    private long _failedAt;
    private int _most = int.MaxValue;

    /// <summary>Throttles the log lines about threads that could not be started.</summary>
    internal LogThrottle Reports { get; } = new(s_memory);

    /// <summary>True if the remaining threads are needed by others: idle threads should end.</summary>
    internal bool IsShort
    {
        get
        {
            using (_lock.Hold())
            {
                return Room() < 0;
            }
        }
    }

    /// <summary>True if one more thread of ours may be started.</summary>
    internal bool TryTake()
    {
        using (_lock.Hold())
        {
            if (Room() <= 0)
            {
                return false;
            }

            _room--;
            return true;
        }
    }

    /// <summary>A thread could not be started.</summary>
    internal void OnFailed()
    {
        using (_lock.Hold())
        {
            int threads = count();
            _most = threads == 0 ? _most : threads;
            _failedAt = time.GetTimestamp();
            _isMeasured = true;
            _measuredAt = _failedAt;
            _room = -Reserved;
        }
    }

    /// <summary>Forgets the limit that a failed start has set, as the passing time does.</summary>
    internal void Forget()
    {
        using (_lock.Hold())
        {
            _most = int.MaxValue;
            _isMeasured = false;
        }
    }

    private int Room()
    {
        long now = time.GetTimestamp();
        if (!_isMeasured || time.GetElapsedTime(_measuredAt, now) >= s_validity)
        {
            int threads = count();
            if (_most != int.MaxValue && time.GetElapsedTime(_failedAt, now) >= s_memory)
            {
                _most = int.MaxValue;
            }

            _room = Math.Min(left(threads), _most - threads) - Reserved;
            _measuredAt = now;
            _isMeasured = true;
        }

        return _room;
    }
}
