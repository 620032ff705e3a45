using System;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>A barrier whose threads leave within nanoseconds of each other, which is what it takes to make races meet.</summary>
internal sealed class Rendezvous(int parties)
{
    /// <summary>Some ten microseconds, in which a thread that runs on another CPU arrives.</summary>
    private const int SpinsBeforeYielding = 1_000;

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

        for (int i = 0; i < SpinsBeforeYielding; i++)
        {
            if (Volatile.Read(ref _round) != round)
            {
                return;
            }

            Thread.SpinWait(1);
        }

        Waiting.Until(() => Volatile.Read(ref _round) != round || _broken, "the other threads of a round");
        if (Volatile.Read(ref _round) == round)
        {
            throw new OperationCanceledException("Another thread has failed.");
        }
    }

    /// <summary>A thread has failed and will not come: ends the wait of the others.</summary>
    public void Break() => _broken = true;
}
