using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary><c>soak</c>: everything at once, for as long as one likes.</summary>
internal sealed class SoakCommand : StressCommand
{
    private readonly Option<double> _minutes =
        new("--minutes") { Description = "How long to load the server.", DefaultValueFactory = _ => 60 };

    private readonly Option<double> _rest = new("--rest")
    {
        Description = "Seconds to wait at the end for the runtime's pools to shrink.",
        DefaultValueFactory = _ => 0,
    };

    internal SoakCommand()
        : base(
            "soak",
            "Loads a server with all kinds of traffic, checks every response, and what is left at the end.",
            connections: 32)
    {
        Options.Add(_minutes);
        Options.Add(_rest);
    }

    protected override async Task<StressCounters> LoadAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        SoakCounters figures = await SoakStress.RunAsync(
            new SoakSettings
            {
                Duration = TimeSpan.FromMinutes(parsed.GetValue(_minutes)),
                Rest = TimeSpan.FromSeconds(parsed.GetValue(_rest)),
                Connections = parsed.GetValue(Connections),
                Seed = parsed.GetValue(Seed),
                SyncPointDelays = parsed.GetValue(SyncPointDelays),
            },
            Console.Out,
            cancellationToken);
        await Console.Out.WriteLineAsync(figures.Left);
        return figures;
    }
}
