using KestrelFdmTransport.Connections;
using Xunit;
using static KestrelFdmTransport.Connections.SendGate;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>The states of the gate, one thread at a time.</summary>
public sealed class SendGateTests
{
    private SendGate _gate;

    [Fact]
    public void An_open_gate_lets_one_in()
    {
        Assert.Equal(Entry.Entered, _gate.TryEnter());
        Assert.Equal(Entry.Busy, _gate.TryEnter());
    }

    [Fact]
    public void Who_leaves_lets_the_next_one_in()
    {
        _gate.TryEnter();

        Assert.True(_gate.TryLeave(pin: false, out bool shut));
        Assert.False(shut);
        Assert.Equal(Entry.Entered, _gate.TryEnter());
    }

    [Fact]
    public void The_holder_cannot_leave_before_it_has_looked_again_for_whoever_was_turned_away()
    {
        _gate.TryEnter();
        _gate.TryEnter();

        Assert.False(_gate.TryLeave(pin: false, out bool shut));
        Assert.False(shut);
        _gate.TakePending(out bool reset, out bool finish);
        Assert.Equal((false, false), (reset, finish));
        Assert.True(_gate.TryLeave(pin: false, out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_request_from_before_is_the_first_errand_of_the_next_holder(bool reset)
    {
        _gate.Request(reset);

        Assert.Equal(Entry.Entered, _gate.TryEnter());
        Assert.False(_gate.TryLeave(pin: false, out _));
        AssertErrands(reset, finish: !reset);
        AssertErrands(reset: false, finish: false);
        Assert.True(_gate.TryLeave(pin: false, out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_request_to_a_holder_keeps_it_inside(bool reset)
    {
        _gate.TryEnter();
        _gate.Request(reset);
        Assert.Equal(Entry.Busy, _gate.TryEnter());

        Assert.False(_gate.TryLeave(pin: false, out _));
        AssertErrands(reset, finish: !reset);
        Assert.True(_gate.TryLeave(pin: false, out _));
    }

    [Fact]
    public void Both_kinds_of_request_are_told_apart_and_kept()
    {
        _gate.Request(reset: true);
        _gate.Request(reset: false);
        _gate.TryEnter();

        AssertErrands(reset: true, finish: true);
    }

    [Fact]
    public void A_gate_without_anybody_in_it_is_shut_at_once_and_for_good()
    {
        Assert.True(_gate.TryShut());

        Assert.Equal(Entry.Shut, _gate.TryEnter());
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void Requests_nobody_has_carried_out_do_not_keep_the_gate_from_being_shut()
    {
        _gate.Request(reset: true);
        _gate.Request(reset: false);

        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void The_closer_has_to_wait_for_the_holder_who_is_told_when_it_leaves()
    {
        _gate.TryEnter();

        Assert.False(_gate.TryShut());
        Assert.Equal(Entry.Shut, _gate.TryEnter());
        Assert.True(_gate.TryLeave(pin: false, out bool shut));
        Assert.True(shut);
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void A_holder_does_its_errands_before_it_is_told_of_the_closer()
    {
        _gate.TryEnter();
        Assert.False(_gate.TryShut());
        _gate.Request(reset: true);

        Assert.False(_gate.TryLeave(pin: false, out bool shut));
        Assert.False(shut);
        AssertErrands(reset: true, finish: false);
        Assert.True(_gate.TryLeave(pin: false, out shut));
        Assert.True(shut);
    }

    [Fact]
    public void A_pin_keeps_the_gate_from_being_shut_but_lets_others_in()
    {
        _gate.TryEnter();
        Assert.True(_gate.TryLeave(pin: true, out _));
        Assert.Equal(Entry.Entered, _gate.TryEnter());
        Assert.True(_gate.TryLeave(pin: false, out _));

        Assert.False(_gate.TryShut());
        Assert.True(_gate.Unpin());
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void Nobody_is_told_by_an_unpin_if_the_closer_has_not_come()
    {
        _gate.TryEnter();
        _gate.TryLeave(pin: true, out bool shut);

        Assert.False(shut);
        Assert.False(_gate.Unpin());
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void With_several_pins_the_last_to_go_is_told()
    {
        for (int i = 0; i < 3; i++)
        {
            _gate.TryEnter();
            _gate.TryLeave(pin: true, out _);
        }

        Assert.False(_gate.TryShut());
        Assert.False(_gate.Unpin());
        Assert.False(_gate.Unpin());
        Assert.True(_gate.Unpin());
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void With_a_pin_and_a_holder_the_last_to_go_is_told()
    {
        _gate.TryEnter();
        _gate.TryLeave(pin: true, out _);
        _gate.TryEnter();
        Assert.False(_gate.TryShut());

        Assert.False(_gate.Unpin());
        Assert.True(_gate.TryLeave(pin: false, out bool shut));
        Assert.True(shut);
    }

    [Fact]
    public void A_holder_that_leaves_with_a_pin_is_told_when_it_unpins()
    {
        _gate.TryEnter();
        Assert.False(_gate.TryShut());

        Assert.True(_gate.TryLeave(pin: true, out bool shut));
        Assert.False(shut);
        _gate.Request(reset: false);
        Assert.True(_gate.Unpin());
    }

    private void AssertErrands(bool reset, bool finish)
    {
        _gate.TakePending(out bool resetTaken, out bool finishTaken);
        Assert.Equal((reset, finish), (resetTaken, finishTaken));
    }
}
