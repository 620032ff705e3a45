using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>What is dispatched in which iteration, and in what order.</summary>
public sealed class PollingSetsOrderTests
{
    [Fact]
    public void A_short_backlog_is_served_in_the_order_of_arrival_regardless_of_the_sets()
    {
        var timeline = new Timeline();
        int[] gaps = [100, 1, 10, 1, 100, 10, 1, 10, 100, 1];
        for (int slot = 0; slot < gaps.Length; slot++)
        {
            timeline.Register(slot, 1000 + slot - gaps[slot]);
            timeline.Arrive(slot, 1000 + slot);
        }

        Assert.Equal(3, timeline.Sets.Queue(PollingSet.Cold).Count);
        Assert.Equal(Enumerable.Range(0, gaps.Length), timeline.Iterate(2000));
    }

    [Fact]
    public void Connections_that_came_at_the_same_time_are_served_hot_ones_first()
    {
        var timeline = new Timeline();
        timeline.Queue(hot: 5, warm: 5, cold: 6);

        Assert.Equal(Enumerable.Range(0, 16), timeline.Iterate(2000));
    }

    [Fact]
    public void What_is_polled_after_an_iteration_keeps_its_order()
    {
        var timeline = new Timeline();
        int[] gaps = [100, 10, 1, 100, 10, 1, 100, 10, 1];
        for (int slot = 0; slot < gaps.Length; slot++)
        {
            timeline.Register(slot, 1000 - gaps[slot]);
        }

        timeline.Sets.BeginBatch(gaps.Length, now: 1000, since: 1000 - gaps.Length);
        for (int slot = 0; slot < gaps.Length; slot++)
        {
            timeline.Sets.Arrived((uint)slot);
        }

        Assert.Equal(Enumerable.Range(0, gaps.Length), timeline.Iterate(2000));
    }

    [Fact]
    public void What_asked_for_more_in_a_turn_comes_behind_what_was_polled_for_it()
    {
        var timeline = new Timeline();
        timeline.Queue(hot: 2, warm: 0, cold: 2);
        timeline.Sets.OnDispatched(0, 1005);
        timeline.Sets.BeginIteration(1005);
        Assert.True(timeline.Sets.TryNext(out ulong first));
        timeline.Sets.Dequeued((int)first);
        timeline.Sets.Requeue(first, 1000);

        Assert.Equal([1, 2, 3, 0], timeline.Iterate(1010));
    }

    [Fact]
    public void A_young_backlog_is_dispatched_in_arrival_order_one_batch_an_iteration()
    {
        var timeline = new Timeline(Timeline.Rules with { OverloadAfter = 500, FifoBatch = 20 });
        for (int slot = 0; slot < 60; slot++)
        {
            timeline.Register(slot, 0);
            timeline.Arrive(slot, 1000 + slot);
        }

        Assert.Equal(Enumerable.Range(0, 20), timeline.Iterate(2000));

        timeline.Register(60, 1099);
        timeline.Arrive(60, 1100);

        Assert.Equal([.. Enumerable.Range(20, 20)], timeline.Iterate(2001));
        Assert.Equal([.. Enumerable.Range(40, 20)], timeline.Iterate(2002));
        Assert.Equal([60], timeline.Iterate(2003));
    }

    [Theory]
    [InlineData(17, 0, 0, 17, 0, 0)]
    [InlineData(1, 40, 40, 1, 16, 16)]
    [InlineData(0, 40, 40, 0, 16, 16)]
    [InlineData(12, 100, 100, 12, 24, 16)]
    [InlineData(30, 100, 100, 30, 60, 30)]
    [InlineData(200, 700, 400, 200, 400, 200)]
    [InlineData(3, 9, 9, 3, 9, 9)]
    public void A_long_backlog_is_served_by_weight(
        int hot, int warm, int cold, int hotServed, int warmServed, int coldServed)
    {
        var timeline = new Timeline();
        timeline.Queue(hot, warm, cold);

        List<int> served = timeline.Iterate(2000);

        Assert.Equal(
            [
                .. Enumerable.Range(0, hotServed),
                .. Enumerable.Range(hot, warmServed),
                .. Enumerable.Range(hot + warm, coldServed),
            ],
            served);
        Assert.Equal(hot + warm + cold - served.Count, timeline.Sets.Backlog);
        Assert.Equal(
            (hotServed, warmServed, coldServed),
            (
                (int)timeline.Sets.Hot.Dispatched,
                (int)timeline.Sets.Warm.Dispatched,
                (int)timeline.Sets.Cold.Dispatched));
    }

    [Fact]
    public void What_a_turn_leaves_comes_first_in_the_next()
    {
        var timeline = new Timeline();
        timeline.Queue(hot: 10, warm: 45, cold: 0);
        timeline.Iterate(1000);

        for (int slot = 0; slot < 10; slot++)
        {
            timeline.Arrive(slot, 1001);
        }

        Assert.Equal([.. Enumerable.Range(0, 10), .. Enumerable.Range(30, 20)], timeline.Iterate(1001));
        Assert.Equal(Enumerable.Range(50, 5), timeline.Iterate(1002));
    }

    [Fact]
    public void A_long_backlog_for_all_of_which_the_shares_have_room_is_served_in_the_order_of_arrival()
    {
        var timeline = new Timeline(Timeline.Rules with { FifoBatch = 40 });
        timeline.Register(0, 0);
        timeline.Arrive(0, 1000);
        for (int slot = 1; slot <= 100; slot++)
        {
            timeline.Register(slot, 1000);
            timeline.Arrive(slot, 1001);
        }

        Assert.Equal(PollingSet.Hot, timeline.Sets.Counter(1).Set);
        Assert.Equal(Enumerable.Range(0, 40), timeline.Iterate(2000));
        Assert.False(timeline.Sets.IsOverloaded);
    }

    [Fact]
    public void Without_polling_sets_the_order_of_arrival_rules_at_every_backlog()
    {
        var timeline = new Timeline(Timeline.Rules with { Enabled = false });
        timeline.Queue(hot: 20, warm: 100, cold: 100);
        timeline.Register(300, now: 1000);
        timeline.Arrive(300, 1000);

        List<int> served =
            [
                .. timeline.Iterate(2000), .. timeline.Iterate(2001), .. timeline.Iterate(2002),
                .. timeline.Iterate(2003)
            ];
        Assert.Equal([.. Enumerable.Range(0, 220), 300], served);
    }

    [Fact]
    public void A_new_connection_of_a_long_turn_is_served_in_that_turn_behind_the_hot_and_warm_ones()
    {
        var timeline = new Timeline();
        timeline.Queue(hot: 40, warm: 5, cold: 10);

        Assert.Equal(
            [.. Enumerable.Range(0, 45), 300, .. Enumerable.Range(45, 10)],
            IterateWithNewConnection(timeline, 300));
        Assert.Equal(0, timeline.Sets.Backlog);
    }

    [Fact]
    public void A_new_connection_does_not_come_before_warm_ones_for_which_the_turn_has_no_room()
    {
        var timeline = new Timeline();
        timeline.Queue(hot: 20, warm: 100, cold: 0);

        Assert.Equal(Enumerable.Range(0, 61), IterateWithNewConnection(timeline, 300));
        Assert.Equal([.. Enumerable.Range(61, 16)], timeline.Iterate(2001));
    }

    [Fact]
    public void A_new_connection_that_waits_already_is_not_queued_twice()
    {
        var timeline = new Timeline();
        timeline.Queue(hot: 0, warm: 0, cold: 100);
        timeline.Register(300, now: 1000);
        timeline.Arrive(300, 1000);
        timeline.Sets.EnqueueAccepted(300, 1000);

        Assert.Equal(101, timeline.Sets.Backlog);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void In_the_order_of_arrival_a_new_connection_came_when_the_listen_socket_did(bool sets)
    {
        var timeline = new Timeline(Timeline.Rules with { Enabled = sets, OverloadAfter = 500, FifoBatch = 40 });
        for (int slot = 0; slot < 100; slot++)
        {
            timeline.Register(slot, 999 + slot);
            timeline.Arrive(slot, 1000 + slot);
        }

        // The first one served accepts the new connection, which does not take another's place in the iteration.
        List<int> served = IterateWithNewConnection(timeline, 300);

        Assert.Equal([0, 300, .. Enumerable.Range(1, 39)], served);
    }

    [Fact]
    public void A_backlog_that_has_lasted_is_served_by_weight_until_it_is_gone()
    {
        var timeline = new Timeline(Timeline.Rules with { OverloadAfter = 500, FifoBatch = 20 });
        timeline.Queue(hot: 1, warm: 100, cold: 0);

        Assert.Equal(20, timeline.Iterate(2000).Count);
        Assert.Equal(20, timeline.Iterate(2499).Count);
        Assert.False(timeline.Sets.IsOverloaded);
        Assert.Equal(16, timeline.Iterate(2500).Count);
        Assert.True(timeline.Sets.IsOverloaded);

        // What is left is no backlog: the next one is young again.
        Assert.Equal(
            101 - 20 - 20 - 16,
            timeline.Iterate(2501).Count + timeline.Iterate(2502).Count + timeline.Iterate(2503).Count);
        timeline.Queue(hot: 1, warm: 100, cold: 0);
        Assert.Equal(20, timeline.Iterate(2600).Count);
        Assert.False(timeline.Sets.IsOverloaded);
    }

    [Theory]
    [InlineData(1299, false)]
    [InlineData(1300, true)]
    public void A_backlog_in_which_a_connection_waits_for_long_is_served_by_weight_at_once(long now, bool overloaded)
    {
        var timeline = new Timeline(Timeline.Rules with { OverloadAfter = 5000, MaxQueueDelay = 300 });
        timeline.Queue(hot: 1, warm: 60, cold: 0);

        Assert.Equal(overloaded ? 1 + 16 : 61, timeline.Iterate(now).Count);
        Assert.Equal(overloaded, timeline.Sets.IsOverloaded);
    }

    [Fact]
    public void Backlogs_that_a_turn_works_off_do_not_add_up_to_a_lasting_one()
    {
        var timeline = new Timeline(Timeline.Rules with { OverloadAfter = 500 });
        timeline.Queue(hot: 0, warm: 50, cold: 0);
        Assert.Equal(50, timeline.Iterate(2000).Count);

        timeline.Queue(hot: 0, warm: 60, cold: 0);

        Assert.Equal(60, timeline.Iterate(20_000).Count);
    }

    /// <summary>The new connection is registered when the first has been served.</summary>
    private static List<int> IterateWithNewConnection(Timeline timeline, int added)
    {
        var served = new List<int>();
        timeline.Sets.BeginIteration(2000);
        while (timeline.Sets.TryNext(out ulong token))
        {
            served.Add((int)token);
            timeline.Sets.Dequeued((int)token);
            timeline.Sets.OnDispatched((int)token, 2000);
            if (served.Count == 1)
            {
                Assert.True(timeline.Sets.IsBehind);
                timeline.Register(added, 2000);
                timeline.Sets.EnqueueAccepted((uint)added, 2000);
            }
        }

        return served;
    }
}
