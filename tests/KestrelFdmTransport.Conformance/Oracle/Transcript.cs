using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Conformance.Oracle;

/// <summary>
/// What the parties of a scenario saw, each in its own order. What one party sees before or after another is left open,
/// unless the scenario writes both under one name.
/// </summary>
internal sealed class Transcript
{
    private readonly SortedDictionary<string, List<string>> _parties = new(StringComparer.Ordinal);

    public void Add(string party, string line)
    {
        lock (_parties)
        {
            if (!_parties.TryGetValue(party, out List<string>? lines))
            {
                _parties.Add(party, lines = []);
            }

            lines.Add(line);
        }
    }

    /// <summary>Runs one step of a party and writes down how it ended.</summary>
    public async Task StepAsync(string party, string step, Func<Task<string>> action)
        => Add(party, $"{step}: {await Observe.OutcomeAsync(action)}");

    /// <summary>Runs one step of a party and writes down how it ended.</summary>
    public Task StepAsync(string party, string step, Func<Task> action)
    {
        return StepAsync(party, step, async () =>
        {
            await action();
            return "done";
        });
    }

    /// <summary>Runs one step of a party and writes down how it ended.</summary>
    public void Step(string party, string step, Func<string> action)
        => Add(party, $"{step}: {Observe.Outcome(action)}");

    /// <summary>
    /// The transport's events without what differs from run to run; sorted, because the receiving and the sending half
    /// of Sockets write them at the same time.
    /// </summary>
    public void AddLog(LogCollector logs)
    {
        foreach (string line in logs.Entries.Where(entry => entry.IsFromTransport).Select(Observe.Describe).Order(
            StringComparer.Ordinal))
        {
            Add("log", line);
        }
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        lock (_parties)
        {
            foreach ((string party, List<string> lines) in _parties)
            {
                text.Append(CultureInfo.InvariantCulture, $"{party}\n");
                foreach (string line in lines)
                {
                    text.Append(CultureInfo.InvariantCulture, $"    {line}\n");
                }
            }
        }

        return text.ToString();
    }
}
