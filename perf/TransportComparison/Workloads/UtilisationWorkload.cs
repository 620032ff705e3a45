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

/// <summary>
/// Hot clients and sporadic ones that together want a part of what the server can do, which is measured before, by its CPU time per request. The reference gets its own
/// part, of what it serves under overload; all others that of the slowest of them, so that they have the same load. Clients keep to their times as long as answers come before
/// the next one, so what they want does not depend on how fast they are served.
/// </summary>
internal sealed class UtilisationWorkload(int percent) : Workload(
    string.Create(CultureInfo.InvariantCulture, $"utilisation-{percent}"),
    string.Create(CultureInfo.InvariantCulture, $"{percent} % of the capacity wanted by {HotClients} hot clients (1,000 requests/s each) and sporadic others (every 10–100 ms), 10 µs of work"))
{
    private const int HotClients = 8;
    private const double HotRate = 1000;
    private const int OverloadClients = 4500;

    /// <summary>Percentage of what an overloaded server has served, at which its CPU time per request is measured.</summary>
    private const int PartForCost = 90;

    private static readonly Request s_request = new("/compute/10");
    private static readonly Pause s_hotPause = new(TimeSpan.FromSeconds(1 / HotRate), TimeSpan.FromSeconds(1 / HotRate), Paced: true);
    private static readonly Pause s_sporadicPause = new(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(100), Paced: true);
    private static readonly TimeSpan s_capacityRun = TimeSpan.FromSeconds(2);

    /// <summary>By the candidate's name.</summary>
    private readonly Dictionary<string, double> _capacities = new(StringComparer.Ordinal);

    internal override string Tool(LoadTools tools) => "own generator";

    internal override bool RunsOn(Candidate candidate) => true;

    internal override async Task WarmUpAsync(Trial trial, CancellationToken cancellation)
    {
        _ = await RunAsync(trial, OverloadClients, trial.Duration, cancellation);
        LoadOutcome outcome = await RunAsync(trial, OverloadClients, s_capacityRun, cancellation);
        double capacity = RateOf(outcome);
        Candidate candidate = trial.Server.Candidate;
        if (!candidate.Is(Candidate.Reference))
        {
            // An overload costs more CPU per request than what is asked about. (The reference's threads spin when there is less to do.)
            outcome = await RunAsync(trial, SporadicClients(capacity, PartForCost), s_capacityRun, cancellation);
            capacity = Math.Max(capacity, 1e6 * trial.Cpus.Server.Length / Figures(outcome)[Metric.Cpu.Key]);
        }

        _capacities[candidate.Name] = capacity;
    }

    internal override async Task<Dictionary<string, double>> MeasureAsync(Trial trial, CancellationToken cancellation)
    {
        double capacity = CapacityOf(trial.Server.Candidate);
        LoadOutcome outcome = await RunAsync(trial, SporadicClients(capacity, percent), trial.Duration, cancellation);
        Dictionary<string, double> figures = Figures(outcome);
        figures[Metric.Capacity.Key] = capacity;
        figures[Metric.Utilisation.Key] = figures[Metric.Cpu.Key] * RateOf(outcome) / 1e4 / trial.Cpus.Server.Length;
        return figures;
    }

    /// <summary>As many as want what the hot ones leave of that part of the capacity.</summary>
    internal static int SporadicClients(double capacity, int percent)
    {
        double rate = (capacity * percent / 100) - (HotClients * HotRate);
        return Math.Max(1, (int)(rate * (s_sporadicPause.Least + s_sporadicPause.Most).TotalSeconds / 2));
    }

    private double CapacityOf(Candidate candidate)
        => candidate.Is(Candidate.Reference)
            ? _capacities[candidate.Name]
            : _capacities.Where(server => !string.Equals(server.Key, Candidate.Reference, StringComparison.Ordinal)).Min(server => server.Value);

    private static double RateOf(LoadOutcome outcome) => outcome.Groups.Sum(group => group.Rate);

    private static Task<LoadOutcome> RunAsync(Trial trial, int sporadicClients, TimeSpan duration, CancellationToken cancellation)
        => new EpollLoad(Endpoint.Http, new ClientGroup(HotClients, s_request) { Pause = s_hotPause }, new ClientGroup(sporadicClients, s_request) { Pause = s_sporadicPause })
            .RunAsync(trial.Server, trial.Cpus, duration, cancellation);
}
