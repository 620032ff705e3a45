using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>How a connection gets into its queue, and what an old token of its slot does there.</summary>
public sealed class PollingSetsQueueTests
{
    private const ulong NextGeneration = 1ul << 32;

    private readonly Timeline _timeline = new();

    private PollingSets Sets => _timeline.Sets;

    [Fact]
    public void A_connection_that_asks_for_more_is_queued_in_its_set_without_being_counted()
    {
        _timeline.Register(0);
        _timeline.Arrive(0, 1);
        _timeline.Iterate(1);

        Sets.Requeue(0, 50);
        Sets.Requeue(0, 51);

        Assert.Equal(4, Sets.Counter(0).Value);
        Assert.Equal(1, Sets.Queue(PollingSet.Hot).Count);
        Assert.Equal([0], _timeline.Iterate(60));
    }

    [Fact]
    public void A_connection_queued_for_more_is_not_queued_again_by_an_event()
    {
        _timeline.Register(0);
        Sets.Requeue(0, 1);

        _timeline.Arrive(0, 2);

        Assert.Equal(PollingPolicy.CounterStart, Sets.Counter(0).Value);
        Assert.Equal(1, Sets.Backlog);
    }

    [Fact]
    public void An_event_that_comes_while_the_connection_is_served_queues_it_for_the_next_turn()
    {
        _timeline.Register(0);
        _timeline.Arrive(0, 1);
        Sets.BeginIteration(3);
        Assert.True(Sets.TryNext(out ulong token));
        Sets.Dequeued((int)token);

        _timeline.Arrive(0, 2);
        Sets.OnDispatched(0, 3);

        Assert.False(Sets.TryNext(out _));
        Assert.Equal([0], _timeline.Iterate(4));
    }

    [Fact]
    public void A_connection_that_always_asks_for_more_is_served_once_a_turn()
    {
        _timeline.Queue(hot: 1, warm: 1, cold: 1);

        for (int iteration = 0; iteration < 10; iteration++)
        {
            Sets.BeginIteration(1000 + iteration);
            int served = 0;
            while (Sets.TryNext(out ulong token))
            {
                Sets.Dequeued((int)token);
                Sets.Requeue(token, 1000 + iteration);
                served++;
            }

            Assert.Equal(3, served);
        }
    }

    [Fact]
    public void The_payload_of_a_former_tenant_is_handed_out_and_dropping_it_leaves_the_new_tenant_queued()
    {
        _timeline.Register(0);
        _timeline.Arrive(0, 1);
        Sets.Deregister(0);
        _timeline.Register(0, 2);
        _timeline.Arrive(NextGeneration, 3);
        Assert.Equal(2, Sets.Backlog);

        Sets.BeginIteration(3);
        Assert.True(Sets.TryNext(out ulong first));
        Assert.Equal(0ul, first);

        // The slot table does not know the first token any more, so the loop drops it: no Dequeued, no Served.
        _timeline.Arrive(NextGeneration, 4);
        Assert.True(Sets.TryNext(out ulong second));
        Assert.Equal(NextGeneration, second);
        Sets.Dequeued(0);
        Sets.OnDispatched(0, 5);

        Assert.False(Sets.TryNext(out _));
        Assert.Equal(0, Sets.Backlog);
        Assert.False(Sets.Counter(0).Queued);
    }

    [Fact]
    public void A_new_tenant_is_not_taken_for_queued_because_of_the_former_one()
    {
        _timeline.Register(0);
        _timeline.Arrive(0, 1);
        Sets.Deregister(0);
        _timeline.Register(0, 2);

        Assert.False(Sets.Counter(0).Queued);
        Sets.Requeue(NextGeneration, 3);
        Assert.Equal(2, Sets.Backlog);
    }
}
