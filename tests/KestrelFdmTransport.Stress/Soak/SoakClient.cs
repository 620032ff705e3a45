using System;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>Has one conversation after the other until the end.</summary>
internal sealed class SoakClient(SoakServer server, SoakCounters figures, int seed)
{
    /// <summary>
    /// Hundreds of requests on a machine where this process is left a tenth of a CPU take minutes; what has been lost
    /// takes for ever.
    /// </summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Random _random = new(seed);

    internal async Task RunAsync()
    {
        while (!server.IsEnding)
        {
            ClientScenario talk = _random.Next(8) switch
            {
                0 => new AbruptScenario(server, figures, _random),
                1 or 2 => new PipelineScenario(server, figures, _random),
                3 => new WebSocketScenario(server, figures, _random),
                _ => new HttpScenario(server, figures, _random),
            };
            try
            {
                await talk.RunAsync().WaitAsync(Patience);
            }
            catch (TimeoutException)
            {
                figures.Report($"A {talk.GetType().Name} did not end.");
                return;
            }
            catch (Exception exception)
            {
                // Every scenario names the exceptions it expects; any other is a finding.
                figures.Report($"A {talk.GetType().Name} failed: {exception}");
            }
        }
    }
}
