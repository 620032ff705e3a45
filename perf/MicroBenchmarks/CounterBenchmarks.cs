using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>What an event costs that queues nothing.</summary>
[MemoryDiagnoser]
public class CounterBenchmarks
{
    private readonly SpinPredictor _gate = new();
    private readonly PollingSets _sets = new(PollingPolicy.Default, new SpinPredictor());
    private LiveCounter _counter;

    [GlobalSetup]
    public void SetUp()
    {
        _sets.Register(0, now: 0);
        _sets.BeginBatch(count: 1, now: 1, since: 1);
        _sets.Arrived(0);
    }

    /// <summary>The connection is queued already.</summary>
    [Benchmark]
    public void ArrivedAgain() => _sets.Arrived(0);

    /// <summary>The spin gate's own count.</summary>
    [Benchmark]
    public void SpinGateObserves() => _gate.Observe(ref _counter, gap: 1, fastGap: 2);
}
