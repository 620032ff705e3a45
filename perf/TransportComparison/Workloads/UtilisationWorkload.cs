using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>Hot and sporadic clients that together keep the server's CPUs busy for a part of the time.</summary>
/// <remarks>
/// <para>
/// Trials with fully optimized code find the request rate, and later rounds correct it: two processes of one server may
/// differ by some percent, which would hide what is compared. The reference gets its part of its throughput under
/// overload, because its threads spin when there is less work.
/// </para>
/// <para>
/// Clients keep to their times as long as each answer comes before the next request is due. So their rate does not
/// depend on the server.
/// </para>
/// </remarks>
internal class UtilisationWorkload(int percent, string name = "utilisation", string also = "") : Workload(
    string.Create(CultureInfo.InvariantCulture, $"{name}-{percent}"),
    string.Create(
        CultureInfo.InvariantCulture,
        $"{percent} % of the capacity wanted by {HotClients} hot clients (1,000 requests/s each) and sporadic others "
            + $"(every 10–100 ms), 10 µs of work{also}"))
{
    private const int HotClients = 8;
    private const double HotRate = 1000;
    private const int OverloadClients = 4500;

    /// <summary>The JIT improves code for half a minute; then two trials in a row agree.</summary>
    private const int MostTrials = 20;

    private const int UsualTrials = 8;

    private const int AlikeTrials = 2;
    private const double Alike = 0.02;

    private static readonly Request s_request = new("/compute/10");
    private static readonly Pause s_hotPause =
        new(TimeSpan.FromSeconds(1 / HotRate), TimeSpan.FromSeconds(1 / HotRate), Paced: true);
    private static readonly Pause s_sporadicPause =
        new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(100), Paced: true);
    private static readonly TimeSpan s_capacityRun = TimeSpan.FromSeconds(3);

    /// <summary>By the candidate's name.</summary>
    private readonly Dictionary<string, double> _capacities = new(StringComparer.Ordinal);

    internal override TimeSpan Preparation => base.Preparation + (UsualTrials * s_capacityRun);

    internal override string Tool(LoadTools tools) => "own generator";

    internal override bool RunsOn(Candidate candidate) => true;

    internal override async Task WarmUpAsync(Trial trial, CancellationToken cancellation)
    {
        _ = await RunAsync(trial, OverloadClients, trial.Duration, cancellation);
        double capacity = RateOf(await RunAsync(trial, OverloadClients, s_capacityRun, cancellation));
        Candidate candidate = trial.Server.Candidate;
        _capacities[candidate.Name] =
            candidate.Is(Candidate.Reference) ? capacity : await FindCapacityAsync(trial, capacity, cancellation);
    }

    internal override Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
        => MeasureAsync(trial, alternation: null, cancellation);

    private protected async Task<Dictionary<string, double>> MeasureAsync(
        Trial trial, AlternatingRun? alternation, CancellationToken cancellation)
    {
        Candidate candidate = trial.Server.Candidate;
        double capacity = _capacities[candidate.Name];
        LoadOutcome outcome =
            await RunAsync(trial, SporadicClients(capacity, percent), trial.Duration, cancellation, alternation);
        Dictionary<string, double> figures = Figures(outcome);
        figures[Metric.Capacity.Key] = capacity;
        double utilisation = Utilisation(trial, outcome);
        figures[Metric.Utilisation.Key] = utilisation;
        if (!candidate.Is(Candidate.Reference))
        {
            // Half of it may be chance.
            _capacities[candidate.Name] = (capacity + (capacity * percent / utilisation)) / 2;
        }

        return figures;
    }

    /// <summary>
    /// A request costs less the more wait at a time, so the capacity is that at this very utilisation.
    /// </summary>
    private async Task<double> FindCapacityAsync(Trial trial, double capacity, CancellationToken cancellation)
    {
        int alike = 0;
        for (int i = 0; i < MostTrials && alike < AlikeTrials; i++)
        {
            LoadOutcome outcome =
                await RunAsync(trial, SporadicClients(capacity, percent), s_capacityRun, cancellation);
            double better = capacity * percent / Utilisation(trial, outcome);
            alike = Math.Abs(better - capacity) < Alike * capacity ? alike + 1 : 0;
            capacity = better;
        }

        return capacity;
    }

    private static double Utilisation(Trial trial, LoadOutcome outcome)
        => outcome.Usage.CpuMicroseconds / outcome.Requests * RateOf(outcome) / 1e4 / trial.Cpus.Server.Length;

    /// <summary>As many as want what the hot ones leave of that part of the capacity.</summary>
    internal static int SporadicClients(double capacity, int percent)
    {
        double rate = (capacity * percent / 100) - (HotClients * HotRate);
        return Math.Max(1, (int)(rate * (s_sporadicPause.Least + s_sporadicPause.Most).TotalSeconds / 2));
    }

    private static double RateOf(LoadOutcome outcome) => outcome.Groups.Sum(group => group.Rate);

    private static Task<LoadOutcome> RunAsync(
        Trial trial,
        int sporadicClients,
        TimeSpan duration,
        CancellationToken cancellation,
        AlternatingRun? alternation = null)
    {
        var hot = new ClientGroup(HotClients, s_request) { Pause = s_hotPause };
        var sporadic = new ClientGroup(sporadicClients, s_request) { Pause = s_sporadicPause };
        return new EpollLoad(Endpoint.Http, hot, sporadic) { Alternation = alternation }
            .RunAsync(trial.Server, trial.Cpus, duration, cancellation);
    }
}
