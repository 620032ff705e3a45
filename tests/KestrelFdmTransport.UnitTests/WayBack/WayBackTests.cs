using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>
/// Everything that is taken has its way back. Each step that may fail does so, in a run of its own, and then nothing is
/// left: no descriptor, no thread, no block, no pool, no place in the accept queue; and the next client is served.
/// </summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class WayBackTests(ITestOutputHelper output)
{
    /// <summary>
    /// The number of steps of each kind that fail in turn. More of the same kind come from the same lines.
    /// </summary>
    private const int Most = 3;

    private const int Pairs = 25;

    /// <summary>A thread or a timer of the runtime may still refer to what the last runs have made.</summary>
    private const int Kept = 12;

    private readonly List<WeakReference> _made = [];

    /// <summary>
    /// A loop that fails and cannot be started again is given up, and accepting ends: documented, and not what is
    /// looked for here.
    /// </summary>
    private static readonly HashSet<string> s_stepsOfLoops = new(StringComparer.Ordinal)
    {
        "EpollWait", "ThreadStarts", "EpollCreate", "CreateEventFd", "EpollAdd", "LoopMade", "EventBufferMade",
    };

    public static TheoryData<string, ApplicationScheduling> Cases()
    {
        TheoryData<string, ApplicationScheduling> cases = [];
        foreach (string scenario in Scenarios.All.Keys)
        {
            cases.Add(scenario, ApplicationScheduling.Adaptive);
            cases.Add(scenario, ApplicationScheduling.ThreadPool);
        }

        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Nothing_is_left_after_any_failed_step(string scenario, ApplicationScheduling scheduling)
    {
        FaultyStep[] steps = [.. Steps(await CountAsync(scenario, scheduling), Most)];
        await FailAsync(scenario, scheduling, steps.Select(static step => new[] { step }));
    }

    [Theory, MemberData(nameof(Cases))]
    public async Task Nothing_is_left_if_two_steps_fail(string scenario, ApplicationScheduling scheduling)
    {
        FaultyStep[] steps = [.. Steps(await CountAsync(scenario, scheduling), 2 * Most)];
        var random = new Random(steps.Length);
        await FailAsync(
            scenario,
            scheduling,
            Enumerable.Range(0, Pairs)
                .Select(_ => random.GetItems(steps, 2))
                .Where(
                    static pair
                        => !Array.Exists(pair, static step => step.Kind is "EpollWait")
                            || !Array.TrueForAll(pair, static step => s_stepsOfLoops.Contains(step.Kind))));
    }

    /// <summary>
    /// One call of user code waits at a time. Clients of another endpoint on the same loops are served meanwhile, old
    /// ones and new ones. Then it goes on, and nothing has failed.
    /// </summary>
    [Theory, MemberData(nameof(Cases))]
    public async Task Others_are_served_and_nothing_is_left_if_user_code_waits(
        string scenario, ApplicationScheduling scheduling)
    {
        using FaultPlan counted = FaultPlan.Waiting();
        await RunAsync(scenario, scheduling, counted);
        FaultyStep[] steps = [.. Steps(counted.UserCounts, 2 * Most)];
        output.WriteLine(string.Join(", ", counted.UserCounts.Select(static count => $"{count.Key} {count.Value}")));
        await ForEachAsync(steps.Select(static step => new[] { step }), async step =>
        {
            using FaultPlan plan = FaultPlan.Waiting(step);
            await RunAsync(scenario, scheduling, plan);
        });
    }

    private static IEnumerable<FaultyStep> Steps(IReadOnlyDictionary<string, int> counts, int most)
        => from count in counts.OrderBy(static count => count.Key, StringComparer.Ordinal)
           from number in Enumerable.Range(1, Math.Min(count.Value, most))
           select new FaultyStep(count.Key, number);

    /// <summary>The steps of a run in which nothing fails.</summary>
    private async Task<IReadOnlyDictionary<string, int>> CountAsync(string scenario, ApplicationScheduling scheduling)
    {
        // The first makes what stays for the life of the process.
        await RunAsync(scenario, scheduling);
        IReadOnlyDictionary<string, int> counts = await RunAsync(scenario, scheduling);
        output.WriteLine(string.Join(
            ", ",
            counts.OrderBy(static count => count.Key, StringComparer.Ordinal).Select(
                static count => $"{count.Key} {count.Value}")));
        Assert.NotEmpty(counts);
        return counts;
    }

    private Task FailAsync(string scenario, ApplicationScheduling scheduling, IEnumerable<FaultyStep[]> runs)
        => ForEachAsync(runs, steps => RunAsync(scenario, scheduling, steps));

    private async Task ForEachAsync(IEnumerable<FaultyStep[]> runs, Func<FaultyStep[], Task> run)
    {
        List<string> failures = [];
        int count = 0;
        foreach (FaultyStep[] steps in runs)
        {
            count++;
            try
            {
                await run(steps);
            }
            catch (Exception exception)
            {
                // Each is reported, and the next one is tried.
                failures.Add($"{string.Join(" and ", (object[])steps)}: {exception.Message.ReplaceLineEndings(" ")}");
                output.WriteLine($"{failures[^1]} {exception}");
            }
        }

        output.WriteLine($"{count} runs");
        Assert.Empty(failures);
        await Eventually.UntilAsync(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                _made.RemoveAll(static made => !made.IsAlive);
                return _made.Count <= Kept;
            },
            () => string.Join(", ", _made.Select(static made => made.Target)),
            "the collection of what was made");
    }

    private async Task<IReadOnlyDictionary<string, int>> RunAsync(
        string scenario, ApplicationScheduling scheduling, params FaultyStep[] steps)
    {
        using var plan = new FaultPlan(steps);
        await RunAsync(scenario, scheduling, plan, steps.Length);
        return new Dictionary<string, int>(plan.Counts, StringComparer.Ordinal);
    }

    private async Task RunAsync(
        string scenario, ApplicationScheduling scheduling, FaultPlan plan, int faults = 0)
    {
        // A start that has failed is remembered for a minute, and meanwhile no loop is handed over.
        ThreadHeadroom.Process.Forget();
        Census before = Census.Take();
        using (var scene = new Scene(plan, scheduling, faults))
        {
            Task? watching = plan.Held is null ? null : scene.WatchAsync();
            await Scenarios.All[scenario](scene);
            if (plan.Held?.Reached.IsCompleted is true)
            {
                await watching!.Within("those that are served meanwhile");
            }

            await Eventually.UntilAsync(() => scene.Pools.Rented == 0, what: "the blocks");
            await Eventually.UntilAsync(() => scene.Pools.Alive == 0, what: "the end of the pools");
            scene.Pools.AssertNoViolation();
            _made.AddRange(scene.Made);
        }

        Census after = before;
        await Eventually.UntilAsync(
            () =>
            {
                after = Census.Take();
                return after.IsWithin(before);
            },
            () => $"{before} before, {after} after",
            "what was taken to be given back");
    }
}
