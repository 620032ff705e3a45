using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.Linq;
using System.Text;
using KestrelFdmTransport.Conformance.Oracle;
using KestrelFdmTransport.Conformance.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelFdmTransport.Conformance.Lifecycle;

/// <summary>What one server's Kestrel measures.</summary>
internal sealed class MeterTranscript : IDisposable
{
    private const string KestrelMeter = "Microsoft.AspNetCore.Server.Kestrel";

    private readonly MeterListener _listener = new();
    private readonly List<(string Instrument, string Line)> _measurements = [];
    private object? _scope;

    public MeterTranscript()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (string.Equals(instrument.Meter.Name, KestrelMeter, StringComparison.Ordinal)
                && instrument.Meter.Scope == _scope)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>(
            (instrument, value, tags, _) => Add(instrument, $"{value:+0;-0}", tags));
        // How long something took differs from run to run.
        _listener.SetMeasurementEventCallback<double>(
            (instrument, value, tags, _) => Add(instrument, value > 0 ? "some time" : "none", tags));
    }

    /// <summary>Begins when the host is built and before the server starts.</summary>
    public void Watch(IApplicationBuilder application)
    {
        _scope = application.ApplicationServices.GetRequiredService<IMeterFactory>();
        _listener.Start();
    }

    /// <summary>The measurements of that instrument, the number of them being the condition.</summary>
    public int CountOf(string instrument)
    {
        lock (_measurements)
        {
            return _measurements.Count(
                measurement => string.Equals(measurement.Instrument, instrument, StringComparison.Ordinal));
        }
    }

    public void AddTo(Transcript transcript)
    {
        lock (_measurements)
        {
            foreach ((string instrument, string line) in _measurements)
            {
                transcript.Add(instrument, line);
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, string value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var line = new StringBuilder(value);
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            bool isPort = string.Equals(tag.Key, "server.port", StringComparison.Ordinal) && tag.Value is int and not 0;
            line.Append(' ').Append(tag.Key).Append('=').Append(isPort ? "#" : HostLog.Neutral($"{tag.Value}"));
        }

        lock (_measurements)
        {
            _measurements.Add((instrument.Name, line.ToString()));
        }
    }
}
