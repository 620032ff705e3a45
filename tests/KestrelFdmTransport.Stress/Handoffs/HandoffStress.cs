using System;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>
/// Loops that change their owner thousands of times a second, under connections that notice every byte.
/// </summary>
public static class HandoffStress
{
    /// <summary>Rounds of both kinds in turn, until there have been enough hand-offs or there is a problem.</summary>
    public static async Task<HandoffCounters> RunAsync(
        HandoffSettings settings, TextWriter progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(progress);
        using SyncPointDelays? delays = SyncPointDelays.Begin(settings);
        var figures = new HandoffCounters();
        while (figures.Handoffs < settings.Count
            && figures.Problems.Count == 0
            && !cancellationToken.IsCancellationRequested)
        {
            int number = figures.Rounds;
            await using TransportLifetime round = number % 3 == 2
                ? new HttpRound(settings, figures, number)
                : new EchoRound(settings, figures, number);
            long wanted = Math.Min(settings.PerRound, settings.Count - figures.Handoffs);
            try
            {
                figures.Handoffs += await round.RunAsync(wanted, cancellationToken);
            }
            catch (Exception exception)
            {
                // Something never came, or a block was not returned.
                figures.Report(exception.ToString());
            }

            figures.Rounds++;
            await progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:T} {figures}"));
        }

        return figures;
    }
}
