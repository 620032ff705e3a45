using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;

namespace KestrelFdmTransport.Stress.HandOvers;

/// <summary>What has happened, and what should not have.</summary>
public sealed class HandOverFigures
{
    private const int ProblemsKept = 50;

    private readonly ConcurrentQueue<string> _problems = new();
    private long _opened;
    private long _ended;
    private long _completed;
    private long _requests;
    private long _bytes;
    private long _resets;
    private long _aborts;

    public long HandOvers { get; internal set; }

    public int Rounds { get; internal set; }

    /// <summary>Connections whose every byte or request was answered.</summary>
    public long Completed => Volatile.Read(ref _completed);

    public long Requests => Volatile.Read(ref _requests);

    /// <summary>Connections that the server has aborted.</summary>
    public long Aborts => Volatile.Read(ref _aborts);

    public IReadOnlyCollection<string> Problems => _problems;

    /// <summary>Connections that the server has begun and not yet ended.</summary>
    internal long Open => Volatile.Read(ref _opened) - Volatile.Read(ref _ended);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{HandOvers} hand-overs in {Rounds} rounds; {_opened} connections: {Completed} completed, {_resets} reset by clients, {Aborts} aborted by the server; {Requests} requests, {_bytes / 1_000_000} MB echoed; {_problems.Count} problems");

    internal void Opened() => Interlocked.Increment(ref _opened);

    internal void Ended() => Interlocked.Increment(ref _ended);

    internal void Complete() => Interlocked.Increment(ref _completed);

    internal void CountRequests(int count) => Interlocked.Add(ref _requests, count);

    internal void CountBytes(long count) => Interlocked.Add(ref _bytes, count);

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
