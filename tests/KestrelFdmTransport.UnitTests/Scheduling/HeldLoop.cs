using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>A loop that is held by what it runs, until it is disposed.</summary>
internal sealed class HeldLoop : IDisposable
{
    private readonly ManualResetEventSlim _release = new();
    private readonly EventLoop _loop;

    public HeldLoop(EventLoop loop)
    {
        _loop = loop;
        new ProbeSource { Loop = loop, OnCommanded = _ => _release.Wait(Eventually.Limit) }.Post(LoopCommand.Resume);
        Eventually.Until(() => loop.Utilization.IsStuck(Stopwatch.GetTimestamp()), "the loop to be held");
    }

    public void Dispose()
    {
        _release.Set();
        LoopFixture.AwaitIdle(_loop);
        _release.Dispose();
    }
}
