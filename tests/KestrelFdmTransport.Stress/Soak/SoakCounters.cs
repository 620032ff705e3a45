using System;
using System.Globalization;
using System.Threading;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>What has happened, and what should not have.</summary>
public sealed class SoakCounters : StressCounters
{
    private const int Kept = 4_096;

    private readonly WeakReference?[] _recent = new WeakReference?[Kept];
    private long _seen;
    private long _requests;
    private long _messages;
    private long _bytes;
    private long _timeouts;
    private long _cut;

    /// <summary>Requests whose every byte was right.</summary>
    public long Requests => Volatile.Read(ref _requests);

    /// <summary>WebSocket messages that came back as they were.</summary>
    public long Messages => Volatile.Read(ref _messages);

    /// <summary>Connections that had to end for want of traffic.</summary>
    public long Timeouts => Volatile.Read(ref _timeouts);

    /// <summary>Times that an endpoint moved.</summary>
    public int Reloads { get; internal set; }

    /// <summary>What was left at the end, compared with the start.</summary>
    public string Left { get; internal set; } = "";

    /// <summary>How many of the last connections, 4,096 at most, something still holds in memory.</summary>
    internal int Held => Array.FindAll(_recent, static connection => connection is { IsAlive: true }).Length;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Connections} connections, {Requests} requests, {Messages} WebSocket messages, {_bytes / 1_000_000} MB of "
            + $"bodies; {Resets} reset by clients, {Aborts} aborted by the server, {Timeouts} idle timeouts, {Reloads} "
            + $"reloads ({_cut} conversations cut by them); {Problems.Count} problems");

    /// <summary>Remembers the transport's object for a connection, and does not hold it.</summary>
    internal void See(object connection)
        => _recent[(Interlocked.Increment(ref _seen) - 1) % Kept] = new WeakReference(connection);

    internal void CountRequest(long bytes)
    {
        Interlocked.Increment(ref _requests);
        Interlocked.Add(ref _bytes, bytes);
    }

    internal void CountMessage() => Interlocked.Increment(ref _messages);

    internal void CountTimeout() => Interlocked.Increment(ref _timeouts);

    internal void CountCut() => Interlocked.Increment(ref _cut);
}
