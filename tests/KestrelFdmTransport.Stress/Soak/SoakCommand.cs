using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Fdm;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary><c>soak</c>: everything at once, for as long as one likes.</summary>
internal static class SoakCommand
{
    internal static Command Create()
    {
        var minutes = new Option<double>("--minutes") { Description = "How long to load the server.", DefaultValueFactory = _ => 60 };
        var connections = new Option<int>("--connections") { Description = "How many clients at a time.", DefaultValueFactory = _ => 32 };
        var seed = new Option<int>("--seed") { Description = "What the clients do follows from it; when things happen does not.", DefaultValueFactory = _ => 1 };
        var command = new Command("soak", "Loads a server with all kinds of traffic, checks every response, and what is left at the end.") { minutes, connections, seed };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            new SoakSettings
            {
                Duration = TimeSpan.FromMinutes(parsed.GetValue(minutes)),
                Connections = parsed.GetValue(connections),
                Seed = parsed.GetValue(seed),
            },
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(SoakSettings settings, CancellationToken cancellationToken)
    {
        SoakFigures figures = await SoakStress.RunAsync(settings, Console.Out, cancellationToken);

        // The blocking lane and the monitor end when they have had nothing to do for a while.
        await Waiting.UntilAsync(() => ProcessState.Threads("fdm-").Count == 0, () => string.Join(' ', ProcessState.Threads("fdm-")));
        await Console.Out.WriteLineAsync(figures.ToString());
        await Console.Out.WriteLineAsync(figures.Left);
        foreach (string problem in figures.Problems)
        {
            await Console.Out.WriteLineAsync(problem);
        }

        return figures.Problems.Count == 0 ? 0 : 1;
    }
}
