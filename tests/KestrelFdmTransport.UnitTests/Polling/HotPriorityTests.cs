using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

public sealed class HotPriorityTests
{
    private readonly HotPriority _advantage = new(
        PollingPolicy.Default with { HotPriorityCost = 0.5, MaxHotPriority = 10 });

    [Fact]
    public void As_long_as_nothing_is_known_there_is_none()
    {
        _advantage.BeginTurn(1000);

        Assert.Equal(0, _advantage.Ticks);
    }

    [Theory]
    [InlineData(32, 4)]
    [InlineData(1000, 5)]
    public void A_serve_that_held_the_loop_for_long_says_little_of_the_others(long turn, long ticks)
    {
        // Four serves, of which each may count for ten at most.
        _advantage.BeginTurn(1000);
        for (int i = 0; i < 3; i++)
        {
            _advantage.Served(PollingSet.Hot, 1001 + i);
        }

        _advantage.Served(PollingSet.Hot, 1000 + turn);
        _advantage.BeginTurn(3000);

        Assert.Equal(ticks, _advantage.Ticks);
    }
}
