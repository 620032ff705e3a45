using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>A barrier whose threads leave within nanoseconds of each other, which is what it takes to make races meet.</summary>
internal sealed class Rendezvous(int parties)
{
    /// <summary>
    /// Longer than a time slice: on a busy machine whoever yields sooner is away when the others come back, and so on for ever.
    /// With more threads than CPUs somebody has to yield.
    /// </summary>
    private static readonly TimeSpan s_spin = TimeSpan.FromMilliseconds(10);

    private readonly bool _mayYield = parties > Environment.ProcessorCount;

    private int _arrived;
    private int _round;
    private volatile bool _broken;

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

        Waiting.Until(() => Volatile.Read(ref _round) != round || _broken, "the other threads of a round");
        if (Volatile.Read(ref _round) == round)
        {
            throw new OperationCanceledException("Another thread has failed.");
        }
    }

    /// <summary>A thread has failed and will not come: ends the wait of the others.</summary>
    public void Break() => _broken = true;
}
