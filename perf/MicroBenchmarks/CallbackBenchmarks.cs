using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.MicroBenchmarks.Support;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>
/// What surrounds a callback that does nothing: two looks at the clock, and the loop given up and taken back.
/// </summary>
[MemoryDiagnoser]
public class CallbackBenchmarks
{
    private EventLoopGroup _group = null!;
    private EventLoop _loop = null!;
    private LoopThread _scope = null!;
    private QuietSource _source = null!;

    /// <summary>As under Adaptive: the loop may be taken over meanwhile.</summary>
    [Params(false, true)]
    public bool HandsOver { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        var settings = new EventLoopSettings
        {
            LoopCount = 1,
            AllowsHandoff = HandsOver,

            // Long enough that no standby takes over the loop that this thread pretends to own.
            StallThreshold = System.TimeSpan.FromMinutes(1),
            MaxStandbyThreads = 1,
        };
        _group = new EventLoopGroup(settings, NullLogger.Instance);
        _loop = new EventLoop(0, _group, settings, NullLogger.Instance);
        _source = new QuietSource { Loop = _loop };
        _scope = LoopThread.Attach(servesLoops: true);
        _scope.AcquireLoop(_loop);
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        LoopThread.Detach();
        _group.Dispose();
    }

    [Benchmark]
    public bool Tell() => _loop.RunCallbacks(_scope, _source, Completion.None);

    [Benchmark]
    public void Run() => LoopThread.Run(_source, static _ => { }, state: null, context: null);
}
