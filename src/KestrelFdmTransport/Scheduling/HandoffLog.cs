using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Logs hand-offs, at most once a second, on the pool.</summary>
internal sealed class HandoffLog(ILogger logger)
{
    private readonly LogThrottle _reports = new(TimeSpan.FromSeconds(1));
    private long _unreported;

    internal void Add(Handoff handoff)
    {
        if (!_reports.TryBegin())
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
