using System.Diagnostics;
using KestrelFdmTransport.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>What a new connection is taken for.</summary>
public sealed class EndpointProfileTests
{
    private readonly EndpointProfile _endpoint = new(ApplicationScheduling.Adaptive);
    private long _now = 100 * Stopwatch.Frequency;

    [Fact]
    public void Without_a_callback_that_has_blocked_none_is_expected_to()
        => Assert.Equal(Placement.Inline, Open(1));

    [Fact]
    public void Where_callbacks_block_a_new_connection_is_expected_to()
    {
        Open(1);
        _endpoint.OnBlocked(_now);

        Assert.Equal(Placement.BlockingPool, Open(1));
    }

    [Fact]
    public void With_a_connection_for_each_request_one_in_eight_that_blocks_is_enough()
    {
        for (int i = 0; i < 100; i++)
        {
            _endpoint.OnBlocked(_now);
            Assert.Equal(Placement.BlockingPool, Open(8));
        }
    }

    [Fact]
    public void A_blocked_callback_a_second_among_short_connections_leaves_the_others_inline()
    {
        Open(1_000);
        for (int second = 0; second < 20; second++)
        {
            _endpoint.OnBlocked(_now);
            for (int i = 0; i < 1_000; i++)
            {
                Assert.Equal(Placement.Inline, Open(1));
            }

            _now += Stopwatch.Frequency;
        }
    }

    [Fact]
    public void What_has_blocked_is_forgotten_after_some_seconds()
    {
        _endpoint.OnBlocked(_now);
        _now += 3 * Stopwatch.Frequency;

        Assert.Equal(Placement.Inline, Open(1));
    }

    /// <summary>What the last of some new connections is taken for.</summary>
    private Placement Open(int connections)
    {
        Placement placement = default;
        for (int i = 0; i < connections; i++)
        {
            placement = _endpoint.ForNewConnection(_now).Decide();
        }

        return placement;
    }
}
