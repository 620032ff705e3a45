using System;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.MicroBenchmarks.Support;

/// <summary>A source that does nothing but count its command.</summary>
internal sealed class QuietSource : IoSource, ICallbackOwner
{
    private long _handled;

    internal long Handled => Volatile.Read(ref _handled);

    public bool MeasuresCallbacks => false;

    internal override Completion OnReady(uint events) => Completion.None;

    internal override Completion OnCommand(LoopCommand command)
    {
        Volatile.Write(ref _handled, _handled + 1);
        return Completion.None;
    }

    internal override Completion OnClose() => Completion.None;

    internal override void RunCallbacks(in Completion completion)
    {
    }

    internal override void Fail(Exception cause) => Environment.FailFast(cause.Message, cause);

    public void OnCallbackCompleted(in CallbackTime time)
    {
    }

    public void OnStalled(bool computes)
    {
    }

    public void SendDeferred()
    {
    }

    public void SendFromMonitor()
    {
    }
}
