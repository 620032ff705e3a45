using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>
/// The transport's figures as metrics (docs/observability.md). All are observed: a listener's code runs when it asks, on its own
/// thread, and never on a loop.
/// </summary>
/// <remarks>
/// Each transport of the process has a number. It is a tag of every measurement, so that series differ for whatever looks at measurements
/// alone, and a tag of the meter, without which OpenTelemetry takes the meters of two transports for one that ends with either.
/// </remarks>
internal sealed class TransportMetrics : IDisposable
{
    internal const string Name = "KestrelFdmTransport";

    private const string TransportTag = "fdm.transport";
    private const string LoopTag = "fdm.loop";
    private const string SetTag = "fdm.set";

    private readonly Meter _meter;
    private readonly EventLoopGroup _group;
    private readonly TransportNumber _number = new();
    private readonly KeyValuePair<string, object?> _transport;

    internal TransportMetrics(EventLoopGroup group)
    {
        _group = group;
        _transport = new(TransportTag, _number.Value);
        _meter = new Meter(new MeterOptions(Name) { Version = "1", Tags = [_transport] });
        _meter.CreateObservableUpDownCounter("fdm.loop.connections", () => MeasureLoops(static loop => loop.ConnectionCount), "{connection}", "Connections that the loop holds.");
        _meter.CreateObservableCounter("fdm.loop.accepts", () => MeasureLoops(static loop => loop.Accepts), "{connection}", "Connections that the loop has accepted.");
        _meter.CreateObservableCounter("fdm.loop.turns", () => MeasureLoops(static loop => loop.Sets.Iterations), "{turn}", "Passes over the polling sets.");
        _meter.CreateObservableCounter("fdm.loop.stalls", () => MeasureLoops(static loop => loop.Stalls), "{callback}", "Callbacks that held the loop until another thread took it over.");
        _meter.CreateObservableCounter("fdm.loop.dispatched", () => MeasureLoops(static loop => loop.Dispatched), "{callback}", "Callbacks sent to the thread pool or the blocking lane.");
        _meter.CreateObservableCounter("fdm.loop.pauses", () => MeasureLoops(static loop => loop.ReadPauses), "{pause}", "Times that receiving rested for an application.");
        _meter.CreateObservableCounter("fdm.loop.idle_timeouts", () => MeasureLoops(static loop => loop.IdleTimeouts), "{connection}", "Connections aborted for want of traffic.");
        _meter.CreateObservableCounter("fdm.loop.rests", () => MeasureLoops(static loop => loop.AcceptPauses), "{rest}", "Times that accepting rested for want of descriptors or memory.");
        _meter.CreateObservableCounter("fdm.loop.moves", () => MeasureLoops(static loop => loop.Migrations), "{connection}", "Hot connections given to a loop with less to do.");
        _meter.CreateObservableGauge("fdm.loop.busy", () => MeasureLoops(static loop => loop.Utilization.Utilization(Stopwatch.GetTimestamp()) / (double)LoopUtilization.Scale), "1", "The part of its time in which the loop had something to do.");
        _meter.CreateObservableGauge("fdm.loop.heat", () => MeasureLoops(static loop => loop.Utilization.Activity(Stopwatch.GetTimestamp())), "1", "The sum of the live counters of the loop's connections.");
        _meter.CreateObservableGauge("fdm.loop.backlog.age", () => MeasureLoops(static loop => StatisticsReader.Age(loop).TotalSeconds), "s", "How long the ready connection that has waited longest has been waiting.");
        _meter.CreateObservableCounter("fdm.set.polls", () => MeasureSets(static count => count.Polls), "{poll}", "Turns in which the set's queue was examined.");
        _meter.CreateObservableCounter("fdm.set.served", () => MeasureSets(static count => count.Dispatched), "{serve}", "Times that a connection of the set was served.");
        _meter.CreateObservableCounter("fdm.set.delay", () => MeasureSets(static count => (double)count.Delay / Stopwatch.Frequency), "s", "Time that connections have waited in the set's queue, in all.");
        _meter.CreateObservableCounter("fdm.handovers", () => CreateMeasurement(_group.Standbys.Handoffs), "{handover}", "Loops taken over from a callback.");
        _meter.CreateObservableUpDownCounter("fdm.threads.standby", () => CreateMeasurement(_group.Standbys.Parked), "{thread}", "Threads that wait for a loop to take over.");
        _meter.CreateObservableUpDownCounter("fdm.threads.stalled", () => CreateMeasurement(_group.Standbys.Stalled), "{thread}", "Threads inside a callback that has lost its loop.");
        _meter.CreateObservableUpDownCounter("fdm.threads.blocking", () => CreateMeasurement(_group.BlockingThreads.Threads), "{thread}", "Threads of the blocking lane.");
    }

    /// <summary>The lowest number that no other transport of the process has at the moment, from 0 on.</summary>
    internal int Number => _number.Value;

    public void Dispose()
    {
        try
        {
            _meter.Dispose();
        }
        finally
        {
            _number.Dispose();
        }
    }

    private Measurement<T> CreateMeasurement<T>(T value)
        where T : struct
        => new(value, _transport);

    private IEnumerable<Measurement<T>> MeasureLoops<T>(Func<EventLoop, T> read)
        where T : struct
    {
        foreach (EventLoop loop in _group.Loops)
        {
            yield return new Measurement<T>(read(loop), _transport, new KeyValuePair<string, object?>(LoopTag, loop.Index));
        }
    }

    private IEnumerable<Measurement<T>> MeasureSets<T>(Func<PollingSetCounters, T> read)
        where T : struct
    {
        foreach (EventLoop loop in _group.Loops)
        {
            var tag = new KeyValuePair<string, object?>(LoopTag, loop.Index);
            yield return new Measurement<T>(read(loop.Sets.Hot), _transport, tag, new KeyValuePair<string, object?>(SetTag, "hot"));
            yield return new Measurement<T>(read(loop.Sets.Warm), _transport, tag, new KeyValuePair<string, object?>(SetTag, "warm"));
            yield return new Measurement<T>(read(loop.Sets.Cold), _transport, tag, new KeyValuePair<string, object?>(SetTag, "cold"));
        }
    }
}
