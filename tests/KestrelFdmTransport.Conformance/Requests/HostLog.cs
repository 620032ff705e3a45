using System;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>What transport and Kestrel log about connections and requests.</summary>
internal static partial class HostLog
{
    private const string Kestrel = "Microsoft.AspNetCore.Server.Kestrel";
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;
    private const int MatchTimeout = 1000;
    private const int WriteFinEvent = 7;
    private const int WriteRstEvent = 8;
    private const int ResetEvent = 19;

    /// <summary>
    /// Writes down the events of each category in order. Which category is first is left to scheduling.
    /// </summary>
    public static void AddHostLog(this Transcript transcript, LogCollector logs)
        => Add(transcript, logs, entry => entry.IsFromTransport ? "transport" : entry.Category);

    /// <summary>
    /// The same for a connection that is delayed when it ends. Which direction notices first is a race on every
    /// transport, and the events of transport and parser show it.
    /// </summary>
    public static void AddConnectionLog(this Transcript transcript, LogCollector logs)
    {
        Add(
            transcript,
            logs,
            entry
                => string.Equals(entry.Category, $"{Kestrel}.Connections", StringComparison.Ordinal)
                    ? entry.Category
                    : null);
    }

    /// <summary>Without the ids of connections and requests and without ports.</summary>
    public static string Neutral(string text) => Port().Replace(Id().Replace(text, "#"), "${address}:#");

    /// <summary>
    /// The server is done with that many connections, but for their disposal, which its stop waits for.
    /// </summary>
    public static Task UntilConnectionsStoppedAsync(this TestServer server, int count = 1)
        => Eventually.UntilAsync(() => CountOf(server, "ConnectionStop") >= count);

    public static Task UntilConnectionsStartedAsync(this TestServer server, int count = 1)
        => Eventually.UntilAsync(() => CountOf(server, "ConnectionStart") >= count);

    private static void Add(Transcript transcript, LogCollector logs, Func<LogEntry, string?> party)
    {
        bool hasEnded = false;
        foreach (LogEntry entry in logs.Entries)
        {
            // The other direction of a connection that Sockets has ended may still fail in its own way.
            if (entry.IsFromTransport && entry.Id.Id == ResetEvent && hasEnded)
            {
                continue;
            }

            hasEnded |= entry.IsFromTransport && entry.Id.Id is (WriteFinEvent or WriteRstEvent);
            bool isWanted = entry.IsFromTransport || entry.Category.StartsWith(Kestrel, StringComparison.Ordinal);
            // A slow heartbeat is a sign of the machine, not of the transport.
            if (isWanted && !entry.Is("HeartbeatSlow") && party(entry) is { } name)
            {
                transcript.Add(name, Neutral(Observe.Describe(entry)));
            }
        }
    }

    private static int CountOf(TestServer server, string name)
    {
        int count = 0;
        foreach (LogEntry entry in server.Logs.Entries)
        {
            count += entry.Is(name) ? 1 : 0;
        }

        return count;
    }

    [GeneratedRegex("\\b[0-9A-V]{13}(:[0-9A-F]{8})?\\b", Options, MatchTimeout)]
    private static partial Regex Id();

    [GeneratedRegex("(?<address>127\\.0\\.0\\.1|localhost|\\[::1?\\]):[0-9]+", Options, MatchTimeout)]
    private static partial Regex Port();
}
