using System;
using System.Collections.Generic;
using System.Diagnostics.Tracing;
using System.Globalization;
using System.Linq;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Requests;

namespace KestrelFdmTransport.Conformance.Lifecycle;

/// <summary>What Kestrel's event source says, of every server of the process.</summary>
internal sealed class KestrelEvents : EventListener
{
    private readonly List<(string Name, string[] Payload)> _events = [];

    public int CountOf(string name, string endPoint)
        => Of(endPoint).Count(seen => string.Equals(seen.Name, name, StringComparison.Ordinal));

    /// <summary>Writes down the events of the connections to that endpoint.</summary>
    public void AddTo(Transcript transcript, string endPoint)
    {
        foreach ((string name, string[] payload) in Of(endPoint))
        {
            transcript.Add("event source", $"{name} {string.Join(' ', payload.Select(HostLog.Neutral))}");
        }
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (string.Equals(eventSource.Name, "Microsoft-AspNetCore-Server-Kestrel", StringComparison.Ordinal))
        {
            EnableEvents(eventSource, EventLevel.Verbose);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        string[] payload = [.. (eventData.Payload ?? []).Select(
            item => Convert.ToString(item, CultureInfo.InvariantCulture) ?? "null")];
        lock (_events)
        {
            _events.Add((eventData.EventName ?? "", payload));
        }
    }

    /// <summary>
    /// The first item of these events is the connection's id; the start event also contains the endpoint.
    /// </summary>
    private List<(string Name, string[] Payload)> Of(string endPoint)
    {
        lock (_events)
        {
            HashSet<string> ids = new(StringComparer.Ordinal);
            List<(string Name, string[] Payload)> events = [];
            foreach ((string name, string[] payload) in _events)
            {
                if (string.Equals(name, "ConnectionStart", StringComparison.Ordinal)
                    && payload.Contains(endPoint, StringComparer.Ordinal))
                {
                    ids.Add(payload[0]);
                }

                if (payload.Length > 0 && ids.Contains(payload[0]))
                {
                    events.Add((name, payload));
                }
            }

            return events;
        }
    }
}
