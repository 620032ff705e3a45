using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.MicroBenchmarks.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>What surrounds a callback that does nothing: two looks at the clock, and the loop given up and taken back.</summary>
[MemoryDiagnoser]
public class CallbackBenchmarks
{
    private EventLoopGroup _group = null!;
    private EventLoop _loop = null!;
    private CallbackScope _scope = null!;
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
            HandsOver = HandsOver,

            // Nobody takes the loop that this thread pretends to own, whatever else keeps it from running.
            StallThreshold = System.TimeSpan.FromMinutes(1),
            MaxStandbyThreads = 1,
        };
        _group = new EventLoopGroup(settings, NullLogger.Instance);
        _loop = new EventLoop(0, _group, settings, NullLogger.Instance);
        _source = new QuietSource { Loop = _loop };
        _scope = CallbackScope.AdoptThread(servesLoops: true);
        _scope.Own(_loop);
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        CallbackScope.Retire();
        _group.Dispose();
    }

    [Benchmark]
    public bool Tell() => _scope.Tell(_loop, _source, Notice.Nothing);

    [Benchmark]
    public void Run() => CallbackScope.Run(_source, static _ => { }, state: null, context: null);
}
