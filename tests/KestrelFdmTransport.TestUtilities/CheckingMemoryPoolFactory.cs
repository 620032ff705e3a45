using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>
/// Creates pools that detect a block that is returned twice, returned while pinned, used after its return, or never
/// returned. A returned array is filled with poison and kept in quarantine: that exposes late writers, and late senders
/// send bytes that no test expects.
/// </summary>
public sealed class CheckingMemoryPoolFactory : IMemoryPoolFactory<byte>
{
    public const int BlockSize = 4096;

    private const byte Poison = 0xDB;
    private const int QuarantineLength = 512;

    private static readonly bool s_keepStacks =
        string.Equals(Environment.GetEnvironmentVariable("FDM_TEST_POOL_STACKS"), "1", StringComparison.Ordinal);

    private readonly ConcurrentQueue<byte[]> _quarantine = new();
    private readonly ConcurrentQueue<string> _violations = new();
    private readonly ConcurrentDictionary<CheckedBlock, string> _stacks = new();
    private int _rented;
    private int _peak;

    /// <summary>The blocks that are out at this moment.</summary>
    public int Rented => Volatile.Read(ref _rented);

    /// <summary>The most blocks that ever were out at once.</summary>
    public int Peak => Volatile.Read(ref _peak);

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new CheckingMemoryPool(this);

    /// <summary>Call it when the host and all its transports are gone.</summary>
    public async Task VerifyAsync()
    {
        await Eventually.UntilAsync(
            () => Rented == 0,
            () => $"{Rented} blocks are not returned {string.Join('\n', _stacks.Values)}",
            "the return of all blocks");
        AssertNoViolation();
    }

    /// <summary>Fails if a block is out or if something forbidden was done to one.</summary>
    public void AssertAllReturned()
    {
        Assert.Equal(0, Rented);
        AssertNoViolation();
    }

    public void AssertNoViolation()
    {
        while (_quarantine.TryDequeue(out byte[]? array))
        {
            CheckPoison(array);
        }

        Assert.Empty(_violations);
    }

    internal CheckedBlock Rent()
    {
        byte[]? array = null;
        if (_quarantine.Count > QuarantineLength && _quarantine.TryDequeue(out array))
        {
            CheckPoison(array);
        }

        var block = new CheckedBlock(this, array ?? GC.AllocateUninitializedArray<byte>(BlockSize));
        if (s_keepStacks)
        {
            _stacks[block] = Environment.StackTrace;
        }

        int rented = Interlocked.Increment(ref _rented);
        int peak = Volatile.Read(ref _peak);
        while (rented > peak)
        {
            peak = Interlocked.CompareExchange(ref _peak, rented, peak) is int seen && seen == peak ? rented : seen;
        }

        return block;
    }

    internal void Return(CheckedBlock block, byte[] array)
    {
        Array.Fill(array, Poison);
        _quarantine.Enqueue(array);
        _stacks.TryRemove(block, out _);
        Interlocked.Decrement(ref _rented);
    }

    internal void Report(string violation) => _violations.Enqueue($"{violation}\n{Environment.StackTrace}");

    private void CheckPoison(byte[] array)
    {
        int written = array.AsSpan().IndexOfAnyExcept(Poison);
        if (written >= 0)
        {
            Report($"Byte {written} of a block was written after the block's return.");
        }
    }
}
