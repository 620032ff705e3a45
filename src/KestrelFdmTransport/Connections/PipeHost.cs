using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// What the two pipes of a connection know of it: its descriptor, its settings, its memory, and what the scheduler has
/// to know of the application's continuations.
/// </summary>
internal abstract class PipeHost : IoSource, ICallbackOwner
{
    private ConnectionBuffers _buffers;
    private CallbackProfile _profile;

    private protected PipeHost(int descriptor, EndpointBuffers buffers, ConnectionSettings settings)
    {
        Descriptor = descriptor;
        _buffers = new ConnectionBuffers(buffers);
        Settings = settings;
        _profile = settings.Endpoint.ForNewConnection();
    }

    public bool MeasuresCallbacks => CallbackScheduler.MustMeasure(Settings.Endpoint, in _profile);

    /// <summary>
    /// For the loop's owner, inside the send gate or under its pin: elsewhere it may be closed, and another file's
    /// number.
    /// </summary>
    internal int Descriptor { get; }

    internal ref ConnectionBuffers Buffers => ref _buffers;

    internal ConnectionSettings Settings { get; }

    /// <summary>What the connection's callbacks have cost of late, in ticks.</summary>
    private protected long AverageCost => _profile.Average;

    internal Placement Decide(Origin origin) => Loop.Scheduler.Decide(Settings.Endpoint, in _profile, Loop, origin);

    public void OnCallbackCompleted(in CallbackTime time)
        => Loop.Scheduler.OnCompleted(Settings.Endpoint, ref _profile, time);

    public void OnStalled(bool computes) => CallbackScheduler.OnStalled(Settings.Endpoint, ref _profile, computes);

    public abstract void SendDeferred();

    public abstract void SendFromMonitor();
}
