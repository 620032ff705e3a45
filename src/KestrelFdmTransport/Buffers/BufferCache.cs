using System;
using System.Collections.Generic;
using System.Diagnostics;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Buffers;

/// <summary>
/// The blocks that a thread keeps between two uses, last in first out: many during an iteration of its loop, a few
/// while the loop sleeps. Once a connection closes or migrates there are none, because the application may count blocks
/// then.
/// </summary>
/// <remarks>
/// The cache belongs to its thread and not to a loop: a callback that has lost its loop goes on with the cache of its
/// thread. <see cref="Refill"/>, <see cref="Trim"/> and <see cref="Clear"/> call pools, which are user code.
/// </remarks>
internal sealed class BufferCache
{
    private const int MaxBlocks = 16;

    /// <summary>While the loop sleeps: one block to receive into, and one for the answer.</summary>
    private const int MinRetained = 2;

    private readonly List<Entry> _entries = [];
    private readonly int _threadId = Environment.CurrentManagedThreadId;

    internal bool IsEmpty => _entries.Count == 0;

    internal bool TryRent(EndpointBuffers pool, out CachedBlock block)
    {
        block = default;
        return Find(pool) is { } entry && entry.Blocks.TryPop(out block);
    }

    /// <summary>Keeps a block of the pool.</summary>
    /// <param name="pool">Where the block comes from.</param>
    /// <param name="isOwner">True for the owner of a loop, who must not call a pool: its blocks are all kept.</param>
    /// <returns>False if there are enough: the block goes to the pool.</returns>
    internal bool TryReturn(EndpointBuffers pool, CachedBlock block, bool isOwner)
    {
        Entry entry = FindOrAdd(pool);
        if (!isOwner && entry.Blocks.Count >= MaxBlocks)
        {
            return false;
        }

        entry.Blocks.Push(block);
        return true;
    }

    /// <summary>Fetches what a dispatch is likely to need.</summary>
    internal void Refill(EndpointBuffers pool)
    {
        Entry entry = FindOrAdd(pool);
        if (entry.WasRefilled)
        {
            // The blocks come back on other threads, and each trip to the pool costs a callback.
            entry.GrowRefill();
        }

        entry.WasRefilled = true;
        while (entry.Blocks.Count < entry.RefillCount)
        {
            try
            {
                entry.Blocks.Push(pool.RentBlock());
            }
            catch (Exception) when (entry.Blocks.Count > 0)
            {
                // The pool is at its limit: the cached blocks must do.
                entry.RefillCount = 1;
            }
        }
    }

    /// <summary>A dispatch has run out of blocks: the next refill fetches more.</summary>
    internal void GrowRefill(EndpointBuffers pool) => Find(pool)?.GrowRefill();

    /// <summary>The loop is about to sleep.</summary>
    /// <returns>True if the cache has more than is worth keeping meanwhile.</returns>
    internal bool NeedsTrim()
    {
        bool needed = false;
        foreach (Entry entry in _entries)
        {
            entry.WasRefilled = false;
            needed |= entry.Blocks.Count > MinRetained;
        }

        return needed;
    }

    /// <summary>Gives back what is not worth keeping while the loop sleeps.</summary>
    internal void Trim()
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            Entry entry = _entries[i];
            if (entry.Blocks.Count > MinRetained)
            {
                entry.RefillCount = Math.Max(1, entry.RefillCount - 1);
                entry.ReturnDownTo(MinRetained);
            }
        }
    }

    /// <summary>Gives back everything, and forgets the endpoints that were not used since the last time.</summary>
    internal void Clear()
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            Entry entry = _entries[i];
            entry.RefillCount = 1;
            entry.WasRefilled = false;
            entry.ReturnDownTo(0);
            if (!entry.IsUsed)
            {
                _entries.RemoveAt(i);
            }

            entry.IsUsed = false;
        }
    }

    private Entry? Find(EndpointBuffers pool)
    {
        Debug.Assert(Environment.CurrentManagedThreadId == _threadId, "A thread uses only its own cache.");
        foreach (Entry entry in _entries)
        {
            if (entry.Pool == pool)
            {
                entry.IsUsed = true;
                return entry;
            }
        }

        return null;
    }

    private Entry FindOrAdd(EndpointBuffers pool)
    {
        if (Find(pool) is { } entry)
        {
            return entry;
        }

        FaultPoints.Hit(FaultPoint.BufferCacheMade);
        var created = new Entry(pool);
        _entries.Add(created);
        return created;
    }

    /// <summary>The blocks of one endpoint.</summary>
    private sealed class Entry(EndpointBuffers pool)
    {
        internal EndpointBuffers Pool { get; } = pool;

        internal Stack<CachedBlock> Blocks { get; } = new(MaxBlocks);

        /// <summary>How many blocks a refill fetches.</summary>
        internal int RefillCount { get; set; } = 1;

        /// <summary>True if the blocks were refilled since the loop slept.</summary>
        internal bool WasRefilled { get; set; }

        /// <summary>True if the endpoint was used since the cache was cleared.</summary>
        internal bool IsUsed { get; set; } = true;

        internal void GrowRefill() => RefillCount = Math.Min(RefillCount * 2, MaxBlocks);

        internal void ReturnDownTo(int count)
        {
            while (Blocks.Count > count)
            {
                Pool.ReturnBlock(Blocks.Pop().Owner);
            }
        }
    }
}
