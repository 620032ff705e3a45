using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.Net;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>
/// The transport's statistics as metrics (docs/observability.md). All instruments are observable: a listener reads them
/// on its own thread, never on a loop.
/// </summary>
/// <remarks>
/// Each transport of the process has a number. It is a tag of every measurement, which keeps the series of two
/// transports apart. It is also a tag of the meter: without it OpenTelemetry takes two meters for one, which ends with
/// the first of them.
/// </remarks>
internal sealed class TransportMetrics : IDisposable
{
    private const string TransportTag = "fdm.transport";
    private const string LoopTag = "fdm.loop";
    private const string SetTag = "fdm.set";
    private const string PlaceTag = "fdm.place";
    private const string DirectionTag = "network.io.direction";
    private const string AddressTag = "server.address";
    private const string PortTag = "server.port";

    private readonly Meter _meter;
    private readonly Func<IReadOnlyList<EventLoopStatistics>> _readLoops;
    private readonly Func<IReadOnlyList<EndpointStatistics>> _readEndpoints;
    private readonly Func<ThreadStatistics> _readThreads;
    private readonly TransportNumber _number = new();
    private readonly KeyValuePair<string, object?> _transport;

    /// <param name="readLoops">Reads one entry per loop, in the order of their numbers.</param>
    /// <param name="readEndpoints">Reads one entry per endpoint that is bound.</param>
    /// <param name="readThreads">Reads the threads besides those of the loops.</param>
    internal TransportMetrics(
        Func<IReadOnlyList<EventLoopStatistics>> readLoops,
        Func<IReadOnlyList<EndpointStatistics>> readEndpoints,
        Func<ThreadStatistics> readThreads)
    {
        _readLoops = readLoops;
        _readEndpoints = readEndpoints;
        _readThreads = readThreads;
        _transport = new(TransportTag, _number.Value);
        _meter = new Meter(new MeterOptions(FdmTransportDiagnostics.MeterName) { Version = "1", Tags = [_transport] });
        try
        {
            AddLoopInstruments();
            AddSetInstruments();
            AddEndpointInstruments();
            AddThreadInstruments();
        }
        catch
        {
            // Each new instrument is shown to the listeners of the process, which are user code.
            Dispose();
            throw;
        }
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

    private void AddLoopInstruments()
    {
        _meter.CreateObservableUpDownCounter(
            "fdm.loop.connections", () => MeasureLoops(static loop => loop.Connections), "{connection}",
            "Connections that the loop owns.");
        _meter.CreateObservableCounter(
            "fdm.loop.accepts", () => MeasureLoops(static loop => loop.Accepts), "{connection}",
            "Connections that the loop accepted.");
        _meter.CreateObservableCounter(
            "fdm.loop.iterations", () => MeasureLoops(static loop => loop.Iterations), "{iteration}",
            "Iterations of the loop.");
        _meter.CreateObservableCounter(
            "fdm.loop.stalls", () => MeasureLoops(static loop => loop.Stalls), "{callback}",
            "Callbacks that held the loop until another thread took it over.");
        _meter.CreateObservableCounter(
            "fdm.loop.callbacks", MeasureCallbacks, "{callback}", "Callbacks by where they ran.");
        _meter.CreateObservableCounter(
            "fdm.loop.io", MeasureTraffic, "By", "Bytes that the loop's connections received and sent.");
        _meter.CreateObservableCounter(
            "fdm.loop.connects", () => MeasureLoops(static loop => loop.Traffic.Connects), "{connection}",
            "Outgoing connections opened on the loop.");
        _meter.CreateObservableCounter(
            "fdm.loop.connect_failures", () => MeasureLoops(static loop => loop.Traffic.ConnectFailures), "{attempt}",
            "Attempts to open an outgoing connection that failed.");
        _meter.CreateObservableCounter(
            "fdm.loop.read_pauses", () => MeasureLoops(static loop => loop.ReadPauses), "{pause}",
            "Times that receiving paused because the application was behind.");
        _meter.CreateObservableCounter(
            "fdm.loop.idle_timeouts", () => MeasureLoops(static loop => loop.IdleTimeouts), "{connection}",
            "Connections aborted by IdleTimeout.");
        _meter.CreateObservableCounter(
            "fdm.loop.accept_pauses", () => MeasureLoops(static loop => loop.AcceptPauses), "{pause}",
            "Times that accepting paused because descriptors or memory ran out.");
        _meter.CreateObservableCounter(
            "fdm.loop.migrations", () => MeasureLoops(static loop => loop.Migrations), "{connection}",
            "Connections migrated to a less utilized loop.");
        _meter.CreateObservableGauge(
            "fdm.loop.utilization", () => MeasureLoops(static loop => loop.Utilization), "1",
            "The part of the loop's time, 0 to 1, in which it had work.");
        _meter.CreateObservableGauge(
            "fdm.loop.activity", () => MeasureLoops(static loop => loop.Activity), "{point}",
            "The sum of the live counters of the loop's connections.");
        _meter.CreateObservableGauge(
            "fdm.loop.oldest_ready", () => MeasureLoops(static loop => loop.OldestReady.TotalSeconds), "s",
            "How long the ready connection that has waited longest has been waiting.");
    }

    private void AddSetInstruments()
    {
        _meter.CreateObservableCounter(
            "fdm.set.polls", () => MeasureSets(static set => set.Polls), "{poll}",
            "Iterations in which the set was due.");
        _meter.CreateObservableCounter(
            "fdm.set.dispatched", () => MeasureSets(static set => set.Dispatched), "{dispatch}",
            "Dispatches of connections in the set.");
        _meter.CreateObservableCounter(
            "fdm.set.queue_delay", () => MeasureSets(static set => set.QueueDelay.TotalSeconds), "s",
            "Total time that connections waited in the set's queue.");
    }

    private void AddEndpointInstruments()
    {
        _meter.CreateObservableCounter(
            "fdm.endpoint.accepts", () => MeasureEndpoints(static endpoint => endpoint.Accepts), "{connection}",
            "Connections that the server has accepted on the endpoint.");
        _meter.CreateObservableUpDownCounter(
            "fdm.endpoint.queued", () => MeasureEndpoints(static endpoint => endpoint.Queued), "{connection}",
            "Connections in the endpoint's accept queue.");
    }

    private void AddThreadInstruments()
    {
        _meter.CreateObservableCounter(
            "fdm.handoffs", () => MeasureThreads(static threads => threads.Handoffs), "{handoff}",
            "Loops taken over from a stalled callback.");
        _meter.CreateObservableCounter(
            "fdm.threads.stall_time", () => MeasureThreads(static threads => threads.StallTime.TotalSeconds), "s",
            "Total time of the callbacks that have lost their loop.");
        _meter.CreateObservableUpDownCounter(
            "fdm.threads.standby", () => MeasureThreads(static threads => threads.StandbyThreads), "{thread}",
            "Threads that wait to take over a loop.");
        _meter.CreateObservableUpDownCounter(
            "fdm.threads.stalled", () => MeasureThreads(static threads => threads.StalledThreads), "{thread}",
            "Threads inside a callback that has lost its loop.");
        _meter.CreateObservableUpDownCounter(
            "fdm.threads.blocking", () => MeasureThreads(static threads => threads.BlockingThreads), "{thread}",
            "Threads of the blocking pool.");
    }

    private Measurement<T> MeasureThreads<T>(Func<ThreadStatistics, T> read)
        where T : struct
        => new(read(_readThreads()), _transport);

    private IEnumerable<Measurement<T>> MeasureLoops<T>(Func<EventLoopStatistics, T> read)
        where T : struct
    {
        IReadOnlyList<EventLoopStatistics> loops = _readLoops();
        for (int i = 0; i < loops.Count; i++)
        {
            yield return new Measurement<T>(read(loops[i]), _transport, new KeyValuePair<string, object?>(LoopTag, i));
        }
    }

    private IEnumerable<Measurement<long>> MeasureCallbacks()
        => MeasureParts<long>(
            PlaceTag,
            ("inline", static loop => loop.Callbacks.Inline),
            ("pool", static loop => loop.Callbacks.ThreadPool),
            ("blocking", static loop => loop.Callbacks.BlockingPool));

    private IEnumerable<Measurement<long>> MeasureTraffic()
        => MeasureParts<long>(
            DirectionTag,
            ("receive", static loop => loop.Traffic.BytesReceived),
            ("transmit", static loop => loop.Traffic.BytesSent));

    private IEnumerable<Measurement<T>> MeasureParts<T>(
        string tag, params (string Name, Func<EventLoopStatistics, T> Read)[] parts)
        where T : struct
    {
        IReadOnlyList<EventLoopStatistics> loops = _readLoops();
        for (int i = 0; i < loops.Count; i++)
        {
            foreach ((string name, Func<EventLoopStatistics, T> read) in parts)
            {
                yield return new Measurement<T>(
                    read(loops[i]),
                    _transport,
                    new KeyValuePair<string, object?>(LoopTag, i),
                    new KeyValuePair<string, object?>(tag, name));
            }
        }
    }

    private IEnumerable<Measurement<T>> MeasureEndpoints<T>(Func<EndpointStatistics, T> read)
        where T : struct
    {
        foreach (EndpointStatistics endpoint in _readEndpoints())
        {
            yield return new Measurement<T>(read(endpoint), TagsOf(endpoint.EndPoint));
        }
    }

    private KeyValuePair<string, object?>[] TagsOf(EndPoint endPoint)
        => endPoint is IPEndPoint ip
            ? [_transport, new(AddressTag, ip.Address.ToString()), new(PortTag, ip.Port)]
            : [_transport, new(AddressTag, endPoint.ToString())];

    private IEnumerable<Measurement<T>> MeasureSets<T>(Func<PollingSetStatistics, T> read)
        where T : struct
        => MeasureParts<T>(
            SetTag,
            ("hot", loop => read(loop.Hot)),
            ("warm", loop => read(loop.Warm)),
            ("cold", loop => read(loop.Cold)));
}
