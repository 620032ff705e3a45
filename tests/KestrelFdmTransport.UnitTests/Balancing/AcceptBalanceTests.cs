using System.Diagnostics;
using System.Linq;
using KestrelFdmTransport.Balancing;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Balancing;

/// <summary>
/// On which loops connections live that one loop has accepted, as in a burst between two measurements.
/// </summary>
public sealed class AcceptBalanceTests
{
    private static readonly long s_now = 1_000 * Stopwatch.Frequency;

    private readonly SimulatedLoop[] _loops = SimulatedLoop.Create(2, s_now);
    private readonly long[] _accepted = new long[2];

    [Fact]
    public void A_burst_spreads_although_one_loop_has_some_more_old_connections()
    {
        Open(loop: 0, connections: 5000);
        Open(loop: 1, connections: 5040);

        Accept(64, remain: true);

        Assert.InRange(_accepted.Max(), 32, 32 + 4);
    }

    [Fact]
    public void A_loop_that_has_many_fewer_connections_gets_the_next_ones()
    {
        Open(loop: 0, connections: 5000);
        Open(loop: 1, connections: 4000);

        Accept(100, remain: true);

        Assert.InRange(_accepted[1], 96, 100);
    }

    [Fact]
    public void Connections_that_end_at_once_spread_as_well()
    {
        Accept(1000, remain: false);

        Assert.InRange(_accepted.Max(), 500, 500 + 4);
    }

    [Fact]
    public void A_few_connections_stay_where_they_were_accepted()
    {
        Accept(4, remain: true);

        Assert.Equal([4, 0], _accepted);
    }

    [Fact]
    public void A_burst_on_one_of_very_many_loops_spreads_over_all()
    {
        const int Loops = 64;
        const int Connections = 32 * Loops;
        SimulatedLoop[] loops = SimulatedLoop.Create(Loops, s_now);
        var balancer = new LoadBalancer<SimulatedLoop>(() => loops, migrates: true);
        for (int i = 0; i < Connections; i++)
        {
            SimulatedLoop home = balancer.SelectLoop(loops[0], s_now);
            home.Utilization.OnAccepted(s_now);
            home.ConnectionCount++;
            loops[0].Accepts++;
        }

        Assert.All(loops, static loop => Assert.InRange(loop.ConnectionCount, 28, 36));
        Assert.InRange(loops.Count(loop => balancer.IsAboveShare(loop, s_now)), 1, Loops - 1);
    }

    private void Open(int loop, int connections) => _loops[loop].ConnectionCount += connections;

    private void Accept(int count, bool remain)
    {
        var balancer = new LoadBalancer<SimulatedLoop>(() => _loops, migrates: true);
        for (int i = 0; i < count; i++)
        {
            SimulatedLoop home = balancer.SelectLoop(_loops[0], s_now);
            home.Utilization.OnAccepted(s_now);
            _accepted[home.Index]++;
            if (remain)
            {
                home.ConnectionCount++;
            }
        }
    }
}
