using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>
/// An iteration without its I/O: all connections are polled (counter and queue), dequeued and dispatched. Time is per
/// iteration.
/// </summary>
[MemoryDiagnoser]
public class PollingBenchmarks
{
    private PollingPolicy _rules = null!;
    private PollingSets _sets = null!;
    private long _now;

    /// <summary>Connections that are ready in a turn.</summary>
    [Params(1, 64, 4096)]
    public int Ready { get; set; }

    /// <summary>Served by shares as soon as there are many, or in the order of arrival.</summary>
    [Params(false, true)]
    public bool Overloaded { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _rules = PollingPolicy.Default with
        {
            OverloadAfter = Overloaded ? 0 : long.MaxValue,
            MaxQueueDelay = long.MaxValue
        };
        _sets = new PollingSets(_rules, new SpinPredictor());
        for (int slot = 0; slot < Ready; slot++)
        {
            _sets.Register(slot, _now);
        }
    }

    [Benchmark]
    public int Hot() => Turn(_rules.HotGap / 2);

    /// <summary>
    /// A full backlog takes several turns, for each of which the time here counts. So long a gap is cold on any scale.
    /// </summary>
    [Benchmark]
    public int Cold() => Turn(_rules.WarmGap * 1000);

    private int Turn(long gap)
    {
        long since = _now;
        _now += gap;
        _sets.BeginBatch(Ready, _now, since);
        for (int slot = 0; slot < Ready; slot++)
        {
            _sets.Arrived((uint)slot);
        }

        int served = 0;
        while (served < Ready)
        {
            _sets.BeginIteration(_now);
            while (_sets.TryNext(out ulong token))
            {
                int slot = (int)token;
                _sets.Dequeued(slot);
                _sets.OnDispatched(slot, _now);
                served++;
            }
        }

        return served;
    }
}
