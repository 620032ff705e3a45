using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>A turn without its I/O: all are harvested (counter and queue), handed out and served. Time is per turn.</summary>
[MemoryDiagnoser]
public class PollingBenchmarks
{
    private readonly PollingRules _rules = PollingRules.Default;
    private PollingSets _sets = null!;
    private long _now;

    /// <summary>Connections that are ready in a turn.</summary>
    [Params(1, 64, 4096)]
    public int Ready { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _sets = new PollingSets(_rules, new SpinGate());
        for (int slot = 0; slot < Ready; slot++)
        {
            _sets.Register(slot, _now);
        }
    }

    [Benchmark]
    public int Hot() => Turn(_rules.HotGap / 2);

    /// <summary>With a share per turn, a full backlog takes several turns; so it does here. So long a gap is cold on any scale.</summary>
    [Benchmark]
    public int Cold() => Turn(_rules.WarmGap * 1000);

    private int Turn(long gap)
    {
        _now += gap;
        for (int slot = 0; slot < Ready; slot++)
        {
            _sets.Arrived((uint)slot, _now, _now);
        }

        int served = 0;
        while (served < Ready)
        {
            _sets.BeginTurn(_now);
            while (_sets.TryNext(out ulong payload))
            {
                int slot = (int)(uint)payload;
                _sets.Dequeued(slot);
                _sets.Served(slot, _now);
                served++;
            }
        }

        return served;
    }
}
