using System.Linq;
using KestrelFdmTransport.FdmPaper.Fdm;
using KestrelFdmTransport.FdmPaper.Interop;
using Xunit;

namespace KestrelFdmTransport.FdmPaper.Tests;

/// <summary>
/// The rules of FDM, one by one, with N = 3. Descriptor 1 is a locked listen socket where calls must not be empty.
/// </summary>
public sealed class FdmSetsTests
{
    private const int Listener = 1;
    private const int Client = 5;

    private readonly FdmFixture _fdm = new();

    public FdmSetsTests() => _fdm.Sets.Register(Listener, PollFlags.In, payload: null, locked: true);

    [Fact]
    public void A_new_descriptor_is_active_with_a_counter_of_two()
    {
        _fdm.With(Client);

        Assert.Equal(FdmSet.Active, _fdm.Sets.SetOf(Client));
        Assert.Equal(2, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void A_new_descriptor_without_events_dozes_after_two_calls()
    {
        _fdm.With(Client);

        _fdm.CallEmpty(1);
        Assert.Equal(FdmSet.Active, _fdm.Sets.SetOf(Client));

        _fdm.CallEmpty(1);
        Assert.Equal(FdmSet.Doze, _fdm.Sets.SetOf(Client));
        Assert.Equal(1, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void A_dozing_descriptor_is_idle_after_one_empty_poll_of_its_set()
    {
        _fdm.With(Client);

        _fdm.CallEmpty(3);

        Assert.Equal(FdmSet.Idle, _fdm.Sets.SetOf(Client));
    }

    [Fact]
    public void An_idle_descriptor_stays_idle_with_a_counter_that_does_not_fall_below_zero()
    {
        _fdm.With(Client);

        _fdm.CallEmpty(36);

        Assert.Equal(FdmSet.Idle, _fdm.Sets.SetOf(Client));
        Assert.Equal(0, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void The_active_set_is_polled_at_every_call_doze_at_every_third_and_idle_at_every_ninth()
    {
        const int Dozing = 6;
        _fdm.With(Client, Dozing);
        _fdm.CallEmpty(2);

        // An event at each second poll of its set keeps a descriptor in doze: its counter goes 2, 1, 2, 1.
        for (int call = 3; call <= 27; call++)
        {
            _fdm.CallWith(call % 6 == 3 ? [Dozing] : []);
        }

        Assert.Equal(Enumerable.Range(1, 27), CallsAbout(Listener));
        Assert.Equal([1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27], CallsAbout(Dozing));
        Assert.Equal([1, 2, 3, 9, 18, 27], CallsAbout(Client));
    }

    [Fact]
    public void A_dozing_descriptor_is_asked_about_at_every_third_call_only()
    {
        _fdm.With(Client);
        _fdm.CallEmpty(2);
        Assert.Equal(FdmSet.Doze, _fdm.Sets.SetOf(Client));

        // One event in its own set keeps it dozing for one more empty poll.
        Assert.Equal([Client], _fdm.CallWith(Client));
        Assert.Empty(_fdm.CallWith(Client));
        Assert.Empty(_fdm.CallWith(Client));
        Assert.Equal([Client], _fdm.CallWith(Client));
    }

    [Fact]
    public void All_due_sets_are_asked_about_in_one_poll()
    {
        _fdm.With(5, 6, 7);
        _fdm.CallEmpty(8);
        _fdm.Poll.Calls.Clear();

        _fdm.CallEmpty(1);

        Assert.Equal([1, 5, 6, 7], Assert.Single(_fdm.Poll.Calls).Order());
    }

    [Fact]
    public void With_nothing_in_the_due_sets_there_is_no_poll()
    {
        FdmFixture fdm = new FdmFixture().With(Client);
        fdm.CallEmpty(3);
        Assert.Equal(FdmSet.Idle, fdm.Sets.SetOf(Client));
        int polls = fdm.Poll.Calls.Count;

        fdm.CallEmpty(5);
        Assert.Equal(polls, fdm.Poll.Calls.Count);

        fdm.CallEmpty(1);
        Assert.Equal(polls + 1, fdm.Poll.Calls.Count);
    }

    [Fact]
    public void An_event_counts_up_to_three()
    {
        _fdm.With(Client);

        _fdm.CallWith(Client);
        Assert.Equal(3, _fdm.Sets.CounterOf(Client));

        _fdm.CallWith(Client);
        Assert.Equal(3, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void An_event_lifts_a_low_counter_to_two_at_once()
    {
        _fdm.With(Client);
        _fdm.CallEmpty(1);
        Assert.Equal(1, _fdm.Sets.CounterOf(Client));

        _fdm.CallWith(Client);

        Assert.Equal(2, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void Events_in_two_polls_of_its_own_set_promote_an_idle_descriptor_straight_to_active()
    {
        _fdm.With(Client);
        _fdm.GoToIdleCall();
        Assert.Equal(FdmSet.Idle, _fdm.Sets.SetOf(Client));

        _fdm.CallWith(Client);
        Assert.Equal(FdmSet.Idle, _fdm.Sets.SetOf(Client));
        Assert.Equal(2, _fdm.Sets.CounterOf(Client));

        _fdm.GoToIdleCall();
        _fdm.CallWith(Client);
        Assert.Equal(FdmSet.Active, _fdm.Sets.SetOf(Client));
        Assert.Equal(1, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void A_promoted_descriptor_dozes_after_one_empty_call()
    {
        _fdm.With(Client);
        _fdm.GoToIdleCall();
        _fdm.CallWith(Client);
        _fdm.GoToIdleCall();
        _fdm.CallWith(Client);
        Assert.Equal(FdmSet.Active, _fdm.Sets.SetOf(Client));

        _fdm.CallEmpty(1);

        Assert.Equal(FdmSet.Doze, _fdm.Sets.SetOf(Client));
    }

    [Fact]
    public void A_locked_descriptor_always_stays_active()
    {
        _fdm.CallEmpty(30);
        Assert.Equal(FdmSet.Active, _fdm.Sets.SetOf(Listener));
        Assert.Equal(2, _fdm.Sets.CounterOf(Listener));

        Assert.Equal([Listener], _fdm.CallWith(Listener));
        Assert.Equal(2, _fdm.Sets.CounterOf(Listener));
    }

    [Fact]
    public void An_error_counts_down_and_is_delivered()
    {
        _fdm.With(Client);
        _fdm.Poll.Ready[Client] = PollFlags.In | PollFlags.Hup;

        FdmEvent delivered = Assert.Single(_fdm.Call());

        Assert.Equal((Client, (short)(PollFlags.In | PollFlags.Hup)), (delivered.Descriptor, delivered.Events));
        Assert.Equal(1, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void An_event_over_an_undelivered_one_replaces_it_and_counts_nothing()
    {
        _fdm.With(Client);
        _fdm.Poll.Ready[Client] = PollFlags.In;
        Assert.Empty(_fdm.Call(size: 0));
        int counter = _fdm.Sets.CounterOf(Client);

        _fdm.Poll.Ready[Client] = PollFlags.Out;
        FdmEvent delivered = Assert.Single(_fdm.Call());

        Assert.Equal(PollFlags.Out, delivered.Events);
        Assert.Equal(counter, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void An_error_over_an_undelivered_event_replaces_it_and_counts_down()
    {
        _fdm.With(Client);
        _fdm.Poll.Ready[Client] = PollFlags.In;
        Assert.Empty(_fdm.Call(size: 0));

        _fdm.Poll.Ready[Client] = PollFlags.Err;
        FdmEvent delivered = Assert.Single(_fdm.Call());

        Assert.Equal(PollFlags.Err, delivered.Events);
        Assert.Equal(2, _fdm.Sets.CounterOf(Client));
    }

    [Fact]
    public void What_does_not_fit_is_delivered_by_the_next_call_in_order()
    {
        _fdm.With(5, 6, 7);
        foreach (int descriptor in new[] { 5, 6, 7 })
        {
            _fdm.Poll.Ready[descriptor] = PollFlags.In;
        }

        int[] first = [.. _fdm.Call(size: 2).Select(static one => one.Descriptor)];
        _fdm.Poll.Ready.Clear();
        int[] second = [.. _fdm.Call().Select(static one => one.Descriptor)];

        Assert.Equal([5, 6, 7], first.Concat(second).Order());
        Assert.Single(second);
    }

    [Fact]
    public void A_deadline_that_has_passed_is_an_error_with_the_timeout_flag()
    {
        _fdm.With(Client);
        _fdm.Sets.Update(Client, PollFlags.In, payload: null, deadline: _fdm.Now + 100);
        _fdm.Now += 100;
        Assert.Empty(_fdm.Call());

        _fdm.Now++;
        FdmEvent delivered = Assert.Single(_fdm.Call());

        Assert.Equal((Client, PollFlags.Timeout), (delivered.Descriptor, delivered.Events));
    }

    [Theory]
    [InlineData(PollFlags.In)]
    [InlineData(PollFlags.Err)]
    public void An_event_or_an_error_clears_the_deadline(short returned)
    {
        _fdm.With(Client);
        _fdm.Sets.Update(Client, PollFlags.In, payload: null, deadline: _fdm.Now + 100);
        _fdm.Poll.Ready[Client] = returned;
        Assert.Single(_fdm.Call());
        _fdm.Poll.Ready.Clear();

        _fdm.Now += 1_000;

        Assert.Empty(_fdm.Call());
    }

    [Fact]
    public void An_update_without_a_deadline_clears_it()
    {
        _fdm.With(Client);
        _fdm.Sets.Update(Client, PollFlags.In, payload: null, deadline: _fdm.Now + 100);
        _fdm.Sets.Update(Client, PollFlags.In, payload: null, deadline: null);

        _fdm.Now += 1_000;

        Assert.Empty(_fdm.Call());
    }

    [Fact]
    public void An_update_sets_interest_and_payload_and_drops_what_is_queued()
    {
        object payload = new();
        _fdm.With(Client);
        _fdm.Poll.Ready[Client] = PollFlags.In;
        Assert.Empty(_fdm.Call(size: 0));

        _fdm.Sets.Update(Client, PollFlags.Out, payload, deadline: null);
        _fdm.Poll.Ready.Clear();
        Assert.Empty(_fdm.Call());
        Assert.Equal(PollFlags.Out, _fdm.Poll.Interests[Client]);

        _fdm.Poll.Ready[Client] = PollFlags.Out;
        Assert.Same(payload, Assert.Single(_fdm.Call()).Payload);
    }

    [Fact]
    public void An_unregistered_descriptor_is_not_polled_and_its_queued_event_is_gone()
    {
        _fdm.With(5, 6, 7);
        _fdm.Poll.Ready[5] = PollFlags.In;
        Assert.Empty(_fdm.Call(size: 0));

        _fdm.Sets.Unregister(5);
        _fdm.Poll.Ready.Clear();
        Assert.Empty(_fdm.Call());

        Assert.Equal([1, 6, 7], _fdm.Poll.Calls[^1].Order());
    }

    [Fact]
    public void The_entry_that_takes_the_place_of_an_unregistered_one_is_still_found()
    {
        _fdm.With(5, 6, 7);
        _fdm.Sets.Unregister(5);

        _fdm.Sets.Update(7, PollFlags.Out, payload: null, deadline: null);
        _fdm.CallEmpty(1);

        Assert.Equal(PollFlags.Out, _fdm.Poll.Interests[7]);
        Assert.Equal(PollFlags.In, _fdm.Poll.Interests[6]);
    }

    [Fact]
    public void Each_descriptor_is_asked_about_once_however_many_move_at_once()
    {
        int[] clients = [.. Enumerable.Range(10, 200)];
        _fdm.With(clients);
        for (int call = 1; call <= 90; call++)
        {
            _fdm.CallWith([.. clients.Where(client => (client * 7 % 11) + (call % 5) > 9)]);
            Assert.Equal(_fdm.Poll.Calls[^1].Distinct().Count(), _fdm.Poll.Calls[^1].Length);
        }

        // The ninetieth call polled all sets.
        Assert.Equal([Listener, .. clients], _fdm.Poll.Calls[^1].Order());
    }

    private int[] CallsAbout(int descriptor)
        => [.. Enumerable.Range(1, _fdm.Poll.Calls.Count).Where(
            call => _fdm.Poll.Calls[call - 1].Contains(descriptor))];
}
