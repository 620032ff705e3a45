using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary><c>handoffs</c>: loops change their owner thousands of times a second.</summary>
internal sealed class HandoffCommand : StressCommand
{
    private readonly Option<long> _count =
        new("--count") { Description = "How many hand-offs to make.", DefaultValueFactory = _ => 300_000 };
    private readonly Option<int> _loops =
        new("--loops") { Description = "How many event loops.", DefaultValueFactory = _ => 2 };

    internal HandoffCommand()
        : base("handoffs", "Has loops taken over from callbacks at every possible moment.", connections: 64)
    {
        Options.Add(_count);
        Options.Add(_loops);
    }

    protected override async Task<StressCounters> LoadAsync(ParseResult parsed, CancellationToken cancellationToken)
        => await HandoffStress.RunAsync(
        new HandoffSettings
        {
            Count = parsed.GetValue(_count),
            Loops = parsed.GetValue(_loops),
            Connections = parsed.GetValue(Connections),
            Seed = parsed.GetValue(Seed),
            SyncPointDelays = parsed.GetValue(SyncPointDelays),
        },
        Console.Out,
        cancellationToken);
}
