using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>One lifetime of a transport: it starts, carries load, and stops, either idle or under load.</summary>
internal abstract class TransportLifetime(HandoffSettings settings, HandoffCounters figures, int number)
    : IAsyncDisposable
{
    private volatile bool _ending;
    private volatile bool _breaking;

    internal HandoffCounters Figures => figures;

    /// <summary>True when no new connection is to be opened.</summary>
    internal bool IsEnding => _ending;

    /// <summary>True when any connection may be broken off.</summary>
    internal bool IsBreaking => _breaking;

    internal abstract EndPoint EndPoint { get; }

    /// <summary>In addition, the monitor takes over every callback that it finds.</summary>
    protected bool IsEager => number % 4 >= 2;

    /// <summary>What has cost its loop runs elsewhere for a while, on the pool and on the blocking pool.</summary>
    private bool RemembersCost => number % 5 == 4;

    protected HandoffSettings Settings => settings;

    protected CheckingMemoryPoolFactory Pool { get; } = new();

    protected abstract FdmTransportFactory Factory { get; }

    /// <summary>Runs until the wanted number of hand-offs, and then checks that nothing is left.</summary>
    internal async Task<long> RunAsync(long wanted, CancellationToken cancellationToken)
    {
        bool breaks = number % 2 != 0;
        await StartAsync();
        StandbyThreads standbys = Factory.AcquireLoops()[0].Scheduler.Standbys;
        Factory.ReleaseLoops();

        var clients = new List<Task>();
        for (int i = 0; i < settings.Connections; i++)
        {
            int seed = (((settings.Seed * 1_000) + number) * 1_000) + i;
            clients.Add(Task.Run(() => CreateClient(seed).RunAsync(), cancellationToken));
        }

        await MakeHandoffsAsync(
            standbys, RemembersCost ? Math.Min(wanted, settings.PerRound / 10) : wanted, cancellationToken);
        _breaking = breaks;
        _ending = true;
        if (breaks)
        {
            await StopAsync();
            await Task.WhenAll(clients);
        }
        else
        {
            await Task.WhenAll(clients);
            await StopAsync();
        }

        await UntilAllEndedAsync();
        await Eventually.UntilAsync(
            () => standbys.Stalled == 0, () => $"{standbys.Stalled}", "the return of all stalled threads");
        await Eventually.UntilAsync(
            () => ProcessState.Threads("fdm-loop").Count + ProcessState.Threads("fdm-standby").Count == 0,
            () => string.Join(' ', ProcessState.Threads("fdm-")),
            "the end of all loops and standbys");
        await Pool.VerifyAsync();
        return standbys.Handoffs;
    }

    public abstract ValueTask DisposeAsync();

    protected abstract Task StartAsync();

    protected abstract Client CreateClient(int seed);

    protected abstract Task StopAsync();

    protected Task UntilAllEndedAsync()
        => Eventually.UntilAsync(
            () => figures.Open == 0, () => $"{figures.Open} connections", "the end of all connections");

    protected void Configure(FdmTransportOptions options)
    {
        options.LoopCount = settings.Loops;
        options.DisableCostTracking = !RemembersCost;
        if (IsEager)
        {
            options.StallThreshold = TimeSpan.Zero;
        }
    }

    private async Task MakeHandoffsAsync(StandbyThreads standbys, long wanted, CancellationToken cancellationToken)
    {
        long before = -1;
        long progress = Stopwatch.GetTimestamp();
        while (standbys.Handoffs < wanted && figures.Problems.Count == 0 && !cancellationToken.IsCancellationRequested)
        {
            if (standbys.Handoffs != before)
            {
                before = standbys.Handoffs;
                progress = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(progress) > Eventually.Limit)
            {
                figures.Report(
                    $"No loop was handed over for {Eventually.Limit.TotalSeconds} s; {standbys.Stalled} stalled, "
                        + $"{standbys.Parked} parked.");
            }

            await Task.Delay(10, CancellationToken.None);
        }
    }
}
