using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress;

/// <summary>A command that loads the transport: common options, and the report of the result.</summary>
internal abstract class StressCommand : Command
{
    protected StressCommand(string name, string description, int connections)
        : base(name, description)
    {
        Connections.DefaultValueFactory = _ => connections;
        Options.Add(Connections);
        Options.Add(Seed);
        Options.Add(SyncPointDelays);
        SetAction(RunAsync);
    }

    protected Option<int> Connections { get; } = new("--connections") { Description = "How many clients at a time." };

    protected Option<int> Seed { get; } = new("--seed")
    {
        Description = "What the clients do follows from it; when things happen does not.",
        DefaultValueFactory = _ => 1,
    };

    protected Option<bool> SyncPointDelays { get; } =
        new("--sync-point-delays") { Description = "Has threads rest now and then where a race could be lost." };

    protected abstract Task<StressCounters> LoadAsync(ParseResult parsed, CancellationToken cancellationToken);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        StressCounters figures = await LoadAsync(parsed, cancellationToken);

        // StandbyThreads, the blocking pool and the monitor end when they have had nothing to do for a while.
        await Eventually.UntilAsync(
            () => ProcessState.Threads("fdm-").Count == 0,
            () => string.Join(' ', ProcessState.Threads("fdm-")));
        await Console.Out.WriteLineAsync(figures.ToString());
        foreach (string problem in figures.Problems)
        {
            await Console.Out.WriteLineAsync(problem);
        }

        return figures.Problems.Count == 0 ? 0 : 1;
    }
}
