using System.Threading;
using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.MicroBenchmarks.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>LoopCommand, and the wake-up of a loop that sleeps.</summary>
[MemoryDiagnoser]
public class CommandQueueBenchmarks
{
    private readonly CommandQueue<IoSource> _mailbox = new();
    private readonly QuietSource _local = new();
    private EventLoopGroup _group = null!;
    private QuietSource _source = null!;
    private int _eventDescriptor;

    [GlobalSetup]
    public void SetUp()
    {
        _group = new EventLoopGroup(new EventLoopSettings { LoopCount = 1 }, NullLogger.Instance);
        _source = new QuietSource { Loop = _group.AddUser()[0] };
        _eventDescriptor = Sys.CreateEventFd();
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _group.Dispose();
        Sys.Close(_eventDescriptor);
    }

    [Benchmark]
    public bool PushAndTake()
    {
        _mailbox.Push(_local);
        _mailbox.Take();
        return _mailbox.TryDequeue(out _);
    }

    /// <summary>The system call of a wake-up.</summary>
    [Benchmark]
    public int Signal() => Sys.WriteEventFd(_eventDescriptor);

    /// <summary>From a post to a loop, asleep as a rule, until it has handled it.</summary>
    [Benchmark]
    public long PostUntilHandled()
    {
        long before = _source.Handled;
        _source.Post(LoopCommand.Resume);
        var spin = default(SpinWait);
        while (_source.Handled == before)
        {
            // Without a pause of a millisecond.
            spin.SpinOnce(sleep1Threshold: -1);
        }

        return before;
    }
}
