using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Results;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>
/// Switches a server between some ways of working all the time while it is loaded, from a random one on and for as long
/// each. Two processes of one server differ by some percent for as long as they live, and what else happens on the
/// machine changes from second to second: near saturation either makes more of a difference than most ways of working.
/// </summary>
/// <param name="paths">What to ask for to have it work in each way.</param>
internal sealed class AlternatingRun(params string[] paths)
{
    /// <summary>Of the spell before may be left what has to be done first.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan s_spell = TimeSpan.FromMilliseconds(80);

    private readonly Random _random = new(1);
    private readonly List<Interval> _spells = [];
    private volatile Interval? _current;
    private int _groups;

    /// <summary>Where requests belong that are sent now; null where they do not count.</summary>
    internal Interval? Current => _current;

    /// <summary>
    /// What a percentile is at most in the calmest quarter of the spells of one way, in microseconds. Others have the
    /// CPUs for some milliseconds in many of the rest, and those decide over the p99 of such a spell, and of all
    /// together.
    /// </summary>
    internal double Percentile(int way, int group, double percent)
        => Statistics.Quantile(
            [.. _spells.Where(spell => spell.Way == way && spell.Latencies[group].Count > 0).Select(
                spell => spell.Latencies[group].Percentile(percent))],
            0.25);

    /// <summary>From here on requests count, of this many groups of clients.</summary>
    internal void Begin(int groups) => Volatile.Write(ref _groups, groups);

    /// <summary>Until cancelled; then the server works in the last way.</summary>
    internal async Task RunAsync(ServerProcess server, CancellationToken cancellation)
    {
        using var client = new HttpClient();
        try
        {
            while (true)
            {
                int first = _random.Next(paths.Length);
                for (int i = 0; i < paths.Length; i++)
                {
                    int way = (first + i) % paths.Length;
                    await server.AskAsync(client, paths[way], cancellation);
                    await Task.Delay(s_settle, cancellation);
                    await StayAsync(way, cancellation);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            _current = null;
            await server.AskAsync(client, paths[^1], CancellationToken.None);
        }
    }

    private async Task StayAsync(int way, CancellationToken cancellation)
    {
        Interval? spell = Volatile.Read(ref _groups) is > 0 and int groups ? new Interval(way, groups) : null;
        _current = spell;
        await Task.Delay(s_spell, cancellation);
        _current = null;
        if (spell is not null)
        {
            _spells.Add(spell);
        }
    }
}
