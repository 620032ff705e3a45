using System.Buffers;
using System.Collections.Generic;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <summary>The warm blocks that a loop's thread has at hand for one endpoint, last in first out.</summary>
internal sealed class BlockHoard(object key) : ThreadHoard(key)
{
    private const int MaxBlocks = 16;

    /// <summary>Between turns: one block to receive into, and one to write the answer into.</summary>
    private const int Reserve = 2;

    private readonly Stack<IMemoryOwner<byte>> _blocks = new(MaxBlocks);
    private int _wanted = 1;
    private bool _fetched;

    private BlockCache Cache => (BlockCache)Key;

    /// <summary>Puts in what a serve is likely to need. Foreign code runs here.</summary>
    internal void Fetch()
    {
        Used = true;
        if (_fetched)
        {
            // Twice since the loop slept: the blocks come back on other threads, and each trip to the pool costs a scope.
            WantMore();
        }

        _fetched = true;
        while (_blocks.Count < _wanted)
        {
            try
            {
                _blocks.Push(Cache.RentBlock());
            }
            catch (System.Exception) when (_blocks.Count > 0)
            {
                // A pool at its limit: what there is will do.
                _wanted = 1;
            }
        }
    }

    /// <summary>A serve has run out in the middle: fetch more the next time.</summary>
    internal void WantMore() => _wanted = System.Math.Min(_wanted * 2, MaxBlocks);

    internal bool TryTake(out IMemoryOwner<byte>? block)
    {
        Used = true;
        return _blocks.TryPop(out block);
    }

    /// <summary>False if there are enough.</summary>
    /// <param name="block">A block.</param>
    /// <param name="isOwner">True for a loop's owner, who must not go to the pool.</param>
    /// <param name="isOrdinary">True if the block is of the size that is asked for.</param>
    internal bool TryKeep(IMemoryOwner<byte> block, bool isOwner, bool isOrdinary)
    {
        Used = true;
        if (!isOwner && (_blocks.Count >= MaxBlocks || !isOrdinary))
        {
            return false;
        }

        _blocks.Push(block);
        return true;
    }

    internal override bool Rest()
    {
        _fetched = false;
        return _blocks.Count > Reserve;
    }

    internal override void Trim()
    {
        if (_blocks.Count > Reserve)
        {
            _wanted = System.Math.Max(1, _wanted - 1);
            ReturnDownTo(Reserve);
        }
    }

    internal override void Release()
    {
        _wanted = 1;
        _fetched = false;
        ReturnDownTo(0);
    }

    private void ReturnDownTo(int count)
    {
        while (_blocks.Count > count)
        {
            Cache.ReturnBlock(_blocks.Pop());
        }
    }
}
