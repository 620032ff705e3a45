using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;

namespace KestrelFdmTransport.Stress;

/// <summary>What has happened, and what should not have.</summary>
public abstract class StressCounters
{
    private const int ProblemsKept = 50;

    private readonly ConcurrentQueue<string> _problems = new();
    private long _opened;
    private long _ended;
    private long _resets;
    private long _aborts;

    /// <summary>Connections that the server has accepted.</summary>
    public long Connections => Volatile.Read(ref _opened);

    /// <summary>Connections that a client has reset.</summary>
    public long Resets => Volatile.Read(ref _resets);

    /// <summary>Connections or requests that the server has aborted.</summary>
    public long Aborts => Volatile.Read(ref _aborts);

    public IReadOnlyCollection<string> Problems => _problems;

    /// <summary>Connections that the server has begun and not yet ended.</summary>
    internal long Open => Connections - Volatile.Read(ref _ended);

    internal void Opened() => Interlocked.Increment(ref _opened);

    internal void Ended() => Interlocked.Increment(ref _ended);

    internal void CountReset() => Interlocked.Increment(ref _resets);

    internal void CountAbort() => Interlocked.Increment(ref _aborts);

    internal void Report(string problem)
    {
        if (_problems.Count < ProblemsKept)
        {
            _problems.Enqueue(problem);
        }
    }
}
