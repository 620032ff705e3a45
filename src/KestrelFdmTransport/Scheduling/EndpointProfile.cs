using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Balancing;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// How the callbacks of an endpoint's connections are scheduled, their cost, as the start of a new connection's
/// profile, and whether loops could take its connections.
/// </summary>
/// <remarks>
/// Written when connections end and when they stall, without synchronisation: an average may lose a sample.
/// </remarks>
internal sealed class EndpointProfile(ApplicationScheduling scheduling)
{
    /// <summary>
    /// Blocked callbacks predict a new connection only if there is at least one per this many new connections.
    /// </summary>
    private const int BlockedShare = 8;

    /// <summary>The length of a window; the current and the previous one count.</summary>
    private static readonly long s_window = Stopwatch.Frequency;

    private readonly SlidingWindowCounter _blocked = new();
    private readonly SlidingWindowCounter _opened = new();
    private long _average;
    private int _refusal;

    internal ApplicationScheduling Scheduling { get; } = scheduling;

    /// <summary>True if callbacks run where their cost says.</summary>
    internal bool IsAdaptive => Scheduling == ApplicationScheduling.Adaptive;

    internal CallbackProfile ForNewConnection() => ForNewConnection(Stopwatch.GetTimestamp());

    internal CallbackProfile ForNewConnection(long now)
    {
        long window = now / s_window;
        _opened.Add(window);
        int blocked = _blocked.Read(window);
        return CallbackProfile.ForNewConnection(
            Volatile.Read(ref _average),
            blocked > 0 && (long)blocked * BlockedShare >= _opened.Read(window));
    }

    internal void OnConnectionEnded(long average)
    {
        long before = Volatile.Read(ref _average);
        Volatile.Write(ref _average, before + ((average - before) / 8));
    }

    /// <summary>A loop could not watch a connection that another one had accepted for it. Any thread.</summary>
    internal void OnRefused(int errno) => Volatile.Write(ref _refusal, errno);

    /// <summary>
    /// The error of a connection that could not be watched since the last call; 0 if there was none. Any thread.
    /// </summary>
    internal int TakeRefusal() => Volatile.Read(ref _refusal) == 0 ? 0 : Interlocked.Exchange(ref _refusal, 0);

    internal void OnBlocked() => OnBlocked(Stopwatch.GetTimestamp());

    internal void OnBlocked(long now) => _blocked.Add(now / s_window);
}
