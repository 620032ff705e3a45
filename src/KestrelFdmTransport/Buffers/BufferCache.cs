using System.Buffers;
using System.Collections.Generic;

namespace KestrelFdmTransport.Buffers;

/// <summary>The warm blocks that a loop's thread has at hand for one endpoint, last in first out.</summary>
internal sealed class BufferCache(object key) : ThreadCache(key)
{
    private const int MaxBlocks = 16;

    /// <summary>Between turns: one block to receive into, and one to write the answer into.</summary>
    private const int MinRetained = 2;

    private readonly Stack<IMemoryOwner<byte>> _blocks = new(MaxBlocks);
    private int _refill = 1;
    private bool _refillCount;

    private EndpointBuffers Owner => (EndpointBuffers)Key;

    /// <summary>Puts in what a serve is likely to need. User code runs here.</summary>
    internal void Refill()
    {
        IsUsed = true;
        if (_refillCount)
        {
            // Twice since the loop slept: the blocks come back on other threads, and each trip to the pool costs a
            // scope.
            GrowRefill();
        }

        _refillCount = true;
        while (_blocks.Count < _refill)
        {
            try
            {
                _blocks.Push(Owner.RentBlock());
            }
            catch (System.Exception) when (_blocks.Count > 0)
            {
                // A pool at its limit: what there is will do.
                _refill = 1;
            }
        }
    }

    /// <summary>A serve has run out in the middle: fetch more the next time.</summary>
    internal void GrowRefill() => _refill = System.Math.Min(_refill * 2, MaxBlocks);

    internal bool TryTake(out IMemoryOwner<byte>? block)
    {
        IsUsed = true;
        return _blocks.TryPop(out block);
    }

    /// <summary>False if there are enough.</summary>
    /// <param name="block">A block.</param>
    /// <param name="isOwner">True for a loop's owner, who must not go to the pool.</param>
    /// <param name="isOrdinary">True if the block is of the size that is asked for.</param>
    internal bool TryReturn(IMemoryOwner<byte> block, bool isOwner, bool isOrdinary)
    {
        IsUsed = true;
        if (!isOwner && (_blocks.Count >= MaxBlocks || !isOrdinary))
        {
            return false;
        }

        _blocks.Push(block);
        return true;
    }

    internal override bool HasSurplus()
    {
        _refillCount = false;
        return _blocks.Count > MinRetained;
    }

    internal override void Trim()
    {
        if (_blocks.Count > MinRetained)
        {
            _refill = System.Math.Max(1, _refill - 1);
            ReturnDownTo(MinRetained);
        }
    }

    internal override void Clear()
    {
        _refill = 1;
        _refillCount = false;
        ReturnDownTo(0);
    }

    private void ReturnDownTo(int count)
    {
        while (_blocks.Count > count)
        {
            Owner.ReturnBlock(_blocks.Pop());
        }
    }
}
