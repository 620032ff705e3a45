using System.Linq;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Polling;

namespace KestrelFdmTransport.UnitTests.Balancing;

/// <summary>A loop without thread, sources and clock: it does what the test says, when the test says.</summary>
internal sealed class SimulatedLoop : IBalancedLoop
{
    private SimulatedLoop(int index, long now)
    {
        Index = index;
        Utilization = new LoopUtilization(this, now);
        Utilization.BeginWait();
    }

    public int Index { get; }

    public int ConnectionCount { get; set; }

    public long Accepts { get; set; }

    public bool HasFailed => false;

    public bool IsOwnedByCurrentThread => true;

    public LoopUtilization Utilization { get; }

    /// <summary>Loops that have nothing to do.</summary>
    public static SimulatedLoop[] Create(int count, long now)
        => [.. Enumerable.Range(0, count).Select(index => new SimulatedLoop(index, now))];

    /// <summary>Ends a window with as many connections that are as hot as can be.</summary>
    public void Measure(long now, int connections, long cpuTime = -1)
    {
        int activity = PollingPolicy.CounterMax * connections;
        Utilization.Measure(now, (activity, activity, connections), cpuTime);
    }
}
