using KestrelFdmTransport.Connections;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

[Collection(NonParallel.Name)]
public sealed class SendRoomTests
{
    private SendRoom _room;

    [Fact]
    public void An_edge_that_no_sender_waits_for_is_counted()
    {
        int before = _room.Edges;

        Assert.False(_room.OnEdge());

        Assert.NotEqual(before, _room.Edges);
        Assert.False(_room.IsAwaited);
    }

    [Fact]
    public void A_sender_waits_for_one_edge()
    {
        Assert.True(_room.TryAwait(_room.Edges));
        Assert.True(_room.IsAwaited);

        Assert.True(_room.OnEdge());

        Assert.False(_room.IsAwaited);
        Assert.False(_room.OnEdge());
    }

    [Fact]
    public void A_sender_does_not_wait_if_there_was_an_edge_since_it_began_to_send()
    {
        int edges = _room.Edges;
        _room.OnEdge();

        Assert.False(_room.TryAwait(edges));
        Assert.False(_room.IsAwaited);
        Assert.True(_room.TryAwait(_room.Edges));
    }

    [Fact]
    public void A_sender_that_stops_waiting_misses_no_edge_afterwards()
    {
        _room.Await();
        Assert.True(_room.IsAwaited);
        _room.StopAwaiting();
        int edges = _room.Edges;

        Assert.False(_room.OnEdge());
        Assert.False(_room.TryAwait(edges));
    }

    /// <summary>Each round, a sender finds no room and the loop hears of room. One of the two sees the other.</summary>
    [Fact]
    public void Of_an_edge_and_a_sender_that_meet_one_sees_the_other()
    {
        const int Rounds = 100_000;

        TestThreads.Run(2, (number, meeting) =>
        {
            for (int round = 1; round <= Rounds && meeting.HasTime(round); round++)
            {
                int edges = _room.Edges;
                meeting.Meet();
                bool waits = false;
                if (number == 0)
                {
                    _room.OnEdge();
                }
                else
                {
                    waits = _room.TryAwait(edges);
                }

                meeting.Meet();
                Assert.False(waits && _room.IsAwaited);
                meeting.Meet();
            }
        });
    }
}
