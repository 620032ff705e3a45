using System;
using System.Diagnostics.Metrics;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>A listener of the transport's meters, whose every callback may throw or wait.</summary>
internal sealed class FaultyMeters : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly bool _isReady;

    public FaultyMeters(FaultPlan plan)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Those of other tests do not count.
            if (_isReady && instrument.Meter.Name is FdmTransportDiagnostics.MeterName)
            {
                plan.Reach("meter.Published");
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.MeasurementsCompleted = (_, _) => plan.Reach("meter.Completed");
        _listener.SetMeasurementEventCallback<int>((_, _, _, _) => plan.Reach("meter.Measured"));
        _listener.SetMeasurementEventCallback<long>((_, _, _, _) => plan.Reach("meter.Measured"));
        _listener.SetMeasurementEventCallback<double>((_, _, _, _) => plan.Reach("meter.Measured"));
        _listener.Start();
        _isReady = true;
    }

    /// <summary>Asks for all figures, as an exporter does.</summary>
    public void Record() => _listener.RecordObservableInstruments();

    public void Dispose()
    {
        // What is still enabled completes now, and that is this test's affair.
        _listener.MeasurementsCompleted = null;
        _listener.Dispose();
    }
}
