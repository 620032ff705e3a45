using System;
using System.Linq;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Balancing;

/// <summary>
/// On which loops connections live that one loop has accepted, as in a burst between two measurements.
/// </summary>
public sealed class AcceptBalanceTests : IDisposable
{
    private readonly LoopFixture _loops = new(2);
    private readonly long[] _accepted = new long[2];

    public AcceptBalanceTests() => LoopFixture.AwaitIdle(_loops.Loops);

    public void Dispose() => _loops.Dispose();

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
        using var group = new EventLoopGroup(new EventLoopSettings { LoopCount = Loops }, NullLogger.Instance);
        EventLoop[] loops = group.AddUser();
        LoopFixture.AwaitIdle(loops);
        long now = loops[0].Now;
        for (int i = 0; i < Connections; i++)
        {
            EventLoop home = group.Balancer.SelectLoop(loops[0], now);
            home.Utilization.OnAccepted(now);
            home.OnConnectionOpened();
            loops[0].Counters.Accepts++;
        }

        Assert.All(loops, static loop => Assert.InRange(loop.ConnectionCount, 28, 36));
        Assert.InRange(loops.Count(loop => group.Balancer.IsAboveShare(loop, loop.Now)), 1, Loops - 1);
    }

    private void Open(int loop, int connections)
    {
        for (int i = 0; i < connections; i++)
        {
            _loops.Loops[loop].OnConnectionOpened();
        }
    }

    private void Accept(int count, bool remain)
    {
        EventLoop acceptor = _loops.Loop;
        long now = acceptor.Now;
        for (int i = 0; i < count; i++)
        {
            EventLoop home = _loops.Group.Balancer.SelectLoop(acceptor, now);
            home.Utilization.OnAccepted(now);
            _accepted[home.Index]++;
            if (remain)
            {
                home.OnConnectionOpened();
            }
        }
    }
}
