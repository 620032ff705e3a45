using System;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>Work for the blocking pool.</summary>
internal sealed class WorkItem(Action action) : IThreadPoolWorkItem
{
    public void Execute() => action();
}
