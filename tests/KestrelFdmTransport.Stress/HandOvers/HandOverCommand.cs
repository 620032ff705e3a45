using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Fdm;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Stress.HandOvers;

/// <summary><c>handovers</c>: loops change their owner thousands of times a second.</summary>
internal static class HandOverCommand
{
    internal static Command Create()
    {
        var count = new Option<long>("--count") { Description = "How many hand-overs to make.", DefaultValueFactory = _ => 300_000 };
        var loops = new Option<int>("--loops") { Description = "How many event loops.", DefaultValueFactory = _ => 2 };
        var connections = new Option<int>("--connections") { Description = "How many connections at a time.", DefaultValueFactory = _ => 64 };
        var seed = new Option<int>("--seed") { Description = "What the clients do follows from it; when things happen does not.", DefaultValueFactory = _ => 1 };
        var command = new Command("handovers", "Has loops taken over from callbacks at every possible moment.") { count, loops, connections, seed };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            new HandOverSettings
            {
                Count = parsed.GetValue(count),
                Loops = parsed.GetValue(loops),
                Connections = parsed.GetValue(connections),
                Seed = parsed.GetValue(seed),
            },
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(HandOverSettings settings, CancellationToken cancellationToken)
    {
        HandOverFigures figures = await HandOverStress.RunAsync(settings, Console.Out, cancellationToken);

        // Standbys, the blocking lane and the monitor end when they have had nothing to do for a while.
        await Waiting.UntilAsync(() => ProcessState.Threads("fdm-").Count == 0, () => string.Join(' ', ProcessState.Threads("fdm-")));
        await Console.Out.WriteLineAsync(figures.ToString());
        foreach (string problem in figures.Problems)
        {
            await Console.Out.WriteLineAsync(problem);
        }

        return figures.Problems.Count == 0 ? 0 : 1;
    }
}
