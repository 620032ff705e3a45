using System;
using System.Threading;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>A source that does what the test says.</summary>
internal sealed class ProbeSource : IoSource
{
    private int _closed;
    private int _deferredSends;

    public Action<uint> OnServe { get; init; } = static _ => { };

    public Action<Mail> OnMailed { get; init; } = static _ => { };

    public Action<Exception> OnFailed { get; init; } = static _ => { };

    public Action OnClose { get; init; } = static () => { };

    public Action<ProbeSource> OnStop { get; init; } = static source => source.Loop.Unregister(source);

    public Action OnSendDeferred { get; init; } = static () => { };

    public int Closed => Volatile.Read(ref _closed);

    public int DeferredSends => Volatile.Read(ref _deferredSends);

    internal override void Serve(uint events) => OnServe(events);

    internal override void OnMail(Mail mail) => OnMailed(mail);

    internal override void Fail(Exception cause) => OnFailed(cause);

    internal override void Stop() => OnStop(this);

    internal override void Close()
    {
        Interlocked.Increment(ref _closed);
        OnClose();
    }

    internal override void SendDeferred()
    {
        Interlocked.Increment(ref _deferredSends);
        OnSendDeferred();
    }
}
