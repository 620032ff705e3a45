using System.Collections.Generic;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>
/// Polling sets under a clock that the test sets: a gap below 10 is hot, one below 100 warm, one below 2 fast. A loop
/// that is behind is overloaded at once.
/// </summary>
internal sealed class Timeline
{
    public const long HotGap = 10;
    public const long WarmWindow = 100;

    public static readonly PollingPolicy Rules =
        new() { HotGap = HotGap, WarmGap = WarmWindow, FastGap = 2, MinQuota = 16, OverloadAfter = 0 };

    public Timeline()
        : this(Rules)
    {
    }

    public Timeline(PollingPolicy rules) => Sets = new PollingSets(rules, new SpinPredictor());

    public PollingSets Sets { get; }

    public void Register(int slot, long now = 0) => Sets.Register(slot, now);

    public void Arrive(int slot, long now) => Arrive((ulong)slot, now);

    /// <summary>The loop slept until the event came.</summary>
    public void Arrive(ulong token, long now)
    {
        Sets.BeginBatch(1, now, now);
        Sets.Arrived(token);
    }

    /// <summary>One iteration; each connection is served at once and asks for no more.</summary>
    public List<int> Iterate(long now)
    {
        var served = new List<int>();
        Sets.BeginIteration(now);
        while (Sets.TryNext(out ulong token))
        {
            int slot = (int)(uint)token;
            served.Add(slot);
            Sets.Dequeued(slot);
            Sets.OnDispatched(slot, now);
        }

        return served;
    }

    /// <summary>Plays a table of arrivals, each served in the moment it comes.</summary>
    public void Play(params (long Time, int Slot, int Counter, PollingSet Set)[] arrivals)
    {
        foreach ((long time, int slot, int counter, PollingSet set) in arrivals)
        {
            Arrive(slot, time);
            LiveCounter seen = Sets.Counter(slot);
            Assert.Equal((time, slot, counter, set), (time, slot, seen.Value, seen.Set));
            Assert.Equal([slot], Iterate(time));
        }
    }

    /// <summary>Queues that many connections of each set at time 1000, the hot ones in the first slots.</summary>
    public void Queue(int hot, int warm, int cold)
    {
        int slot = 0;
        Queue(ref slot, hot, gap: 1, PollingSet.Hot);
        Queue(ref slot, warm, gap: HotGap, PollingSet.Warm);
        Queue(ref slot, cold, gap: WarmWindow, PollingSet.Cold);
    }

    private void Queue(ref int slot, int count, long gap, PollingSet set)
    {
        for (int i = 0; i < count; i++)
        {
            Register(slot, 1000 - gap);
            Arrive(slot, 1000);
            Assert.Equal(set, Sets.Counter(slot).Set);
            slot++;
        }
    }
}
