using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Candidates;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;
using KestrelFdmTransport.TransportComparison.Workloads;

namespace KestrelFdmTransport.TransportComparison;

/// <summary>One workload on all candidates, round by round.</summary>
internal sealed class WorkloadRun(Settings settings, LoadTools tools, int stepsPerMicrosecond)
{
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(0.7);

    /// <summary>How long one candidate takes.</summary>
    internal static TimeSpan Estimate(Workload workload, Settings settings)
    {
        TimeSpan preparing = workload.FreshServer ? s_start : s_start + settings.WarmUp + workload.Preparation;
        TimeSpan round = workload.FreshServer ? s_start + workload.Overhead : settings.Duration + workload.Overhead;
        return preparing + (settings.Rounds * round);
    }

    /// <summary>How often the progress moves.</summary>
    internal int Steps(Workload workload, int candidates)
        => candidates * (settings.Rounds + (workload.FreshServer ? 0 : 1));

    internal async Task<WorkloadResult> RunAsync(
        Workload workload,
        List<Candidate> candidates,
        CpuPlan plan,
        Action<string> onStep,
        CancellationToken cancellation)
    {
        CandidateRun[] contestants = [.. candidates.Select(
            candidate => new CandidateRun(candidate, workload, plan, tools, stepsPerMicrosecond, settings.Old))];
        try
        {
            if (!workload.FreshServer)
            {
                foreach (CandidateRun contestant in contestants)
                {
                    onStep($"{contestant.Name} warms up");
                    await contestant.PrepareAsync(settings.WarmUp, cancellation);
                }
            }

            for (int round = 0; round < settings.Rounds; round++)
            {
                // No candidate is always first, or always after the same noise.
                for (int i = 0; i < contestants.Length; i++)
                {
                    CandidateRun contestant = contestants[(round + i) % contestants.Length];
                    onStep(string.Create(CultureInfo.InvariantCulture, $"round {round + 1}, {contestant.Name}"));
                    await contestant.MeasureAsync(settings.WarmUp, settings.Duration, cancellation);
                }
            }

            if (settings.SystemCalls)
            {
                foreach (CandidateRun contestant in contestants)
                {
                    await contestant.CountSystemCallsAsync(cancellation);
                }
            }
        }
        finally
        {
            foreach (CandidateRun contestant in contestants)
            {
                await contestant.DisposeAsync();
            }
        }

        return new WorkloadResult(
            plan.Name,
            workload.Name,
            workload.Description,
            workload.Tool(tools),
            (contestants.FirstOrDefault(contestant => contestant.IsReference) ?? contestants[0]).Name,
            Headline(workload, plan).Key,
            [.. contestants.Select(contestant => contestant.Result())]);
    }

    /// <summary>Where load and server share their CPUs, the throughput includes the cost of both.</summary>
    private static Metric Headline(Workload workload, CpuPlan plan)
        => workload.Headline == Metric.Cpu && plan.Load.SequenceEqual(plan.Server) ? Metric.Rate : workload.Headline;
}
