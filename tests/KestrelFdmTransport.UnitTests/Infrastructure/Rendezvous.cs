using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// A barrier whose threads leave within nanoseconds of each other, which is what it takes to make races meet.
/// </summary>
internal sealed class Rendezvous(int parties)
{
    /// <summary>
    /// Longer than a time slice: on a busy machine a thread that yields sooner is away when the others return, and so
    /// on without end. With more threads than CPUs one has to yield.
    /// </summary>
    private static readonly TimeSpan s_spin = TimeSpan.FromMilliseconds(10);

    private readonly bool _mayYield = parties > Environment.ProcessorCount;

    /// <summary>
    /// Enough for every round on a quiet machine. Where each round takes a time slice, all of them would take minutes.
    /// </summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly long _started = Stopwatch.GetTimestamp();

    private int _arrived;
    private int _round;
    private int _end = int.MaxValue;
    private volatile bool _broken;

    /// <summary>
    /// Asked before each round, in which the threads meet at least once: false for all of them from the same round on,
    /// when they have had their time.
    /// </summary>
    public bool HasTime(int round)
    {
        if (Stopwatch.GetElapsedTime(_started) > s_patience)
        {
            // Another thread may have begun this round already, but none the next one.
            Interlocked.CompareExchange(ref _end, round + 1, int.MaxValue);
        }

        return round < Volatile.Read(ref _end);
    }

    public void Meet()
    {
        int round = Volatile.Read(ref _round);
        if (Interlocked.Increment(ref _arrived) == parties)
        {
            _arrived = 0;
            Volatile.Write(ref _round, round + 1);
            return;
        }

        long started = Stopwatch.GetTimestamp();
        do
        {
            for (int i = 0; i < 100; i++)
            {
                if (Volatile.Read(ref _round) != round)
                {
                    return;
                }

                Thread.SpinWait(1);
            }
        }
        while (!_mayYield && Stopwatch.GetElapsedTime(started) < s_spin);

        Eventually.Until(() => Volatile.Read(ref _round) != round || _broken, "the other threads of a round");
        if (Volatile.Read(ref _round) == round)
        {
            throw new OperationCanceledException("Another thread has failed.");
        }
    }

    /// <summary>A thread has failed and will not come: ends the wait of the others.</summary>
    public void Break() => _broken = true;
}
