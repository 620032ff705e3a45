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
    public void The_holder_leaves_only_after_it_has_seen_what_a_refused_sender_left()
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
    public void An_earlier_request_is_pending_for_the_next_holder(bool reset)
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
    public void Both_kinds_of_request_are_kept_separately()
    {
        _gate.Request(reset: true);
        _gate.Request(reset: false);
        _gate.TryEnter();

        AssertErrands(reset: true, finish: true);
    }

    [Fact]
    public void An_empty_gate_is_shut_at_once_and_for_good()
    {
        Assert.True(_gate.TryShut());

        Assert.Equal(Entry.Shut, _gate.TryEnter());
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void Pending_requests_do_not_keep_the_gate_from_being_shut()
    {
        _gate.Request(reset: true);
        _gate.Request(reset: false);

        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void The_closer_waits_for_the_holder_which_learns_of_it_when_it_leaves()
    {
        _gate.TryEnter();

        Assert.False(_gate.TryShut());
        Assert.Equal(Entry.Shut, _gate.TryEnter());
        Assert.True(_gate.TryLeave(pin: false, out bool shut));
        Assert.True(shut);
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void A_holder_finishes_pending_work_before_it_learns_of_the_closer()
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
    public void An_unpin_without_a_closer_reports_nothing()
    {
        _gate.TryEnter();
        _gate.TryLeave(pin: true, out bool shut);

        Assert.False(shut);
        Assert.False(_gate.Unpin());
        Assert.True(_gate.TryShut());
    }

    [Fact]
    public void With_several_pins_the_last_to_go_learns_of_the_closer()
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
    public void With_a_pin_and_a_holder_the_last_to_go_learns_of_the_closer()
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
    public void A_holder_that_leaves_with_a_pin_learns_of_the_closer_when_it_unpins()
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
