using System.Buffers;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Buffers;

[Collection(NonParallel.Name)]
public sealed class BufferSegmentTests
{
    private readonly BufferSegment _segment = Filled([1, 2, 3, 4], 3);

    [Fact]
    public void A_leased_block_cannot_be_claimed_and_a_claimed_one_not_leased()
    {
        Assert.True(_segment.TryLease());
        Assert.False(_segment.TryClaim());
        Assert.False(_segment.IsReleased);

        _segment.ReleaseLease();
        Assert.True(_segment.TryClaim());
        Assert.True(_segment.IsReleased);
        Assert.False(_segment.TryLease());
        Assert.False(_segment.TryClaim());
    }

    [Fact]
    public void A_claim_that_is_taken_back_leaves_the_block_free_for_both()
    {
        _segment.TryClaim();
        _segment.ReleaseClaim();

        Assert.False(_segment.IsReleased);
        Assert.True(_segment.TryLease());
        _segment.ReleaseLease();
        Assert.True(_segment.TryClaim());
    }

    [Fact]
    public void A_late_detach_takes_nothing_from_the_spare_segments()
    {
        BufferSegment next = Filled([5], 1);
        _segment.TakeOwner();
        _segment.Recycle();
        _segment.JoinSpares(next);

        Assert.Null(_segment.TakeOwner());
        Assert.Same(next, _segment.NextSpare);
    }

    [Fact]
    public void Links_carry_positions_in_the_input_chain()
    {
        BufferSegment second = Filled([5, 6, 7, 8], 4);
        BufferSegment third = Filled([9, 10], 1);
        _segment.Append(second);
        second.Append(third);

        Assert.Equal((0L, 3L, 7L), (_segment.RunningIndex, second.RunningIndex, third.RunningIndex));
        Assert.Same(second, _segment.NextSegment);

        _segment.Seal(3);
        second.Seal(4);
        var sequence = new ReadOnlySequence<byte>(_segment, 1, third, 1);
        Assert.Equal([2, 3, 5, 6, 7, 8, 9], sequence.ToArray());
        Assert.Equal(
            6,
            sequence.GetPosition(5) is { } position ? position.GetInteger()
                + ((BufferSegment)position.GetObject()!).RunningIndex : 0);
    }

    [Fact]
    public void The_room_is_what_is_not_filled()
    {
        Assert.Equal(1, _segment.Free);
        _segment.End = 4;
        Assert.Equal(0, _segment.Free);
    }

    [Fact]
    public void A_block_is_given_up_once()
    {
        object owner = new();
        var segment = new BufferSegment();
        segment.SetOwner(owner, new byte[10]);

        Assert.Same(owner, segment.TakeOwner());

        Assert.Null(segment.TakeOwner());
        Assert.Equal((0, 0), (segment.Block.Length, segment.Memory.Length));
    }

    [Fact]
    public void A_recycled_segment_is_like_new()
    {
        Filled([0, 0, 0, 0, 0], 5).Append(_segment);
        _segment.Append(new BufferSegment());
        _segment.Start = 2;
        _segment.TryClaim();
        _segment.TakeOwner();

        _segment.Recycle();

        Assert.Equal((0L, 0, 0), (_segment.RunningIndex, _segment.Start, _segment.End));
        Assert.Null(_segment.NextSegment);
        Assert.True(_segment.TryLease());
    }

    [Fact]
    public void Lease_and_claim_exclude_each_other_on_several_threads()
    {
        const int OperationsEach = 200_000;

        int owners = 0;
        TestThreads.Run(2, number =>
        {
            for (int i = 0; i < OperationsEach; i++)
            {
                if (number == 0 ? _segment.TryLease() : _segment.TryClaim())
                {
                    Assert.Equal(1, Interlocked.Increment(ref owners));
                    Interlocked.Decrement(ref owners);
                    if (number == 0)
                    {
                        _segment.ReleaseLease();
                    }
                    else
                    {
                        _segment.ReleaseClaim();
                    }
                }
            }
        });
        Assert.True(_segment.TryClaim());
    }

    private static BufferSegment Filled(byte[] bytes, int end)
    {
        var segment = new BufferSegment();
        segment.SetOwner(new object(), bytes);
        segment.End = end;
        return segment;
    }
}
