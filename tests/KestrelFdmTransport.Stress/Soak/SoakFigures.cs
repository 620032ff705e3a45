using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>What has happened, and what should not have.</summary>
public sealed class SoakFigures
{
    private const int ProblemsKept = 50;

    private readonly ConcurrentQueue<string> _problems = new();
    private long _opened;
    private long _ended;
    private long _requests;
    private long _messages;
    private long _bytes;
    private long _resets;
    private long _aborts;
    private long _timeouts;
    private long _cut;

    /// <summary>Connections that the server has accepted.</summary>
    public long Connections => Volatile.Read(ref _opened);

    /// <summary>Requests whose every byte was right.</summary>
    public long Requests => Volatile.Read(ref _requests);

    /// <summary>WebSocket messages that came back as they were.</summary>
    public long Messages => Volatile.Read(ref _messages);

    /// <summary>Connections that a client has reset.</summary>
    public long Resets => Volatile.Read(ref _resets);

    /// <summary>Requests that the server has aborted.</summary>
    public long Aborts => Volatile.Read(ref _aborts);

    /// <summary>Connections that had to end for want of traffic.</summary>
    public long Timeouts => Volatile.Read(ref _timeouts);

    /// <summary>Times that an endpoint moved.</summary>
    public int Reloads { get; internal set; }

    /// <summary>What was left at the end, compared with the start.</summary>
    public string Left { get; internal set; } = "";

    public IReadOnlyCollection<string> Problems => _problems;

    /// <summary>Connections that the server has begun and not yet ended.</summary>
    internal long Open => Connections - Volatile.Read(ref _ended);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Connections} connections, {Requests} requests, {Messages} WebSocket messages, {_bytes / 1_000_000} MB of bodies; {Resets} reset by clients, {Aborts} aborted by the server, {Timeouts} idle timeouts, {Reloads} reloads ({_cut} conversations cut by them); {_problems.Count} problems");

    internal void Opened() => Interlocked.Increment(ref _opened);

    internal void Ended() => Interlocked.Increment(ref _ended);

    internal void CountRequest(long bytes)
    {
        Interlocked.Increment(ref _requests);
        Interlocked.Add(ref _bytes, bytes);
    }

    internal void CountMessage() => Interlocked.Increment(ref _messages);

    internal void CountReset() => Interlocked.Increment(ref _resets);

    internal void CountAbort() => Interlocked.Increment(ref _aborts);

    internal void CountTimeout() => Interlocked.Increment(ref _timeouts);

    internal void CountCut() => Interlocked.Increment(ref _cut);

    internal void Report(string problem)
    {
        if (_problems.Count < ProblemsKept)
        {
            _problems.Enqueue(problem);
        }
    }
}
