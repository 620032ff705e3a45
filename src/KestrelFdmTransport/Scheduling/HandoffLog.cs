using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Logs hand-offs, at most once a second, on the pool.</summary>
internal sealed class HandoffLog(ILogger logger)
{
    private static readonly long s_period = Stopwatch.Frequency;

    private long _next = long.MinValue;
    private long _unreported;

    internal void Add(Handoff handoff)
    {
        long now = Stopwatch.GetTimestamp();
        long next = Interlocked.Read(ref _next);
        if (now < next || Interlocked.CompareExchange(ref _next, now + s_period, next) != next)
        {
            Interlocked.Increment(ref _unreported);
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(
            static state => state.Report.Write(state.Handoff), (Report: this, Handoff: handoff), preferLocal: false);
    }

    private void Write(Handoff handoff)
    {
        (string id, object? endPoint) = handoff.Source?.Describe() ?? ("(none)", null);
        long milliseconds = handoff.Duration * 1000 / Stopwatch.Frequency;
        string kind = handoff.Verdict switch
        {
            StallVerdict.Computing => "computing",
            StallVerdict.Blocked => "blocked",
            _ => "no progress",
        };
        Log.LoopStalled(
            logger, id, endPoint, handoff.Loop.Name, milliseconds, kind, Interlocked.Exchange(ref _unreported, 0));
    }
}
