using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Keeps us from taking the last threads that the process may have. The .NET runtime needs some, and the process ends
/// when it does not get one.
/// </summary>
/// <remarks>
/// Some limits cannot be seen, of a container around the container or of a user with other processes. So a start that
/// fails teaches one: for a minute there may be no more threads than there were then.
/// </remarks>
/// <param name="count">Tells the threads of the process.</param>
/// <param name="left">Tells how many more the limits leave, given that number.</param>
/// <param name="time">The clock.</param>
internal sealed class ThreadHeadroom(Func<int> count, Func<int, int> left, TimeProvider time)
{
    internal static readonly ThreadHeadroom Process = new(ThreadRoom.Threads, ThreadRoom.Left, TimeProvider.System);

    /// <summary>
    /// Left to the rest of the process. The pool starts as many as there are CPUs without hesitation.
    /// </summary>
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

    /// <summary>True if what is left is needed by others: idle threads had better end.</summary>
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

    /// <summary>Forgets what a start that failed has taught, as time does.</summary>
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
