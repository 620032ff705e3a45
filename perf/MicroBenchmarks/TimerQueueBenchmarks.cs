using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.MicroBenchmarks.Support;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>The timers of a loop.</summary>
[MemoryDiagnoser]
public class TimerQueueBenchmarks
{
    private readonly TimerQueue<IoSource> _deadlines = new();
    private readonly QuietSource _source = new();

    /// <summary>Other sources in the queue.</summary>
    [Params(0, 8, 10_000)]
    public int Others { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        for (int i = 0; i < Others; i++)
        {
            _deadlines.Set(new QuietSource(), long.MaxValue);
        }
    }

    /// <summary>What a loop asks before it blocks.</summary>
    [Benchmark]
    public long Until() => _deadlines.Until(now: 1);

    [Benchmark]
    public bool SetAndTake()
    {
        _deadlines.Set(_source, due: 1);
        return _deadlines.TryTakeDue(now: 2, out _);
    }
}
