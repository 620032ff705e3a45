using System;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Sizes as they matter to a pipe of blocks: tiny ones, ones around block boundaries, and several blocks.
/// </summary>
internal static class SizeGenerator
{
    public static int Next(Random random, int max) => random.Next(10) switch
    {
        < 4 => random.Next(1, 65),
        < 7 => random.Next(1, FixedBlockPool.BlockSize + 1),
        < 9 => Math.Min(
            max,
            (random.Next(1, 1 + max / FixedBlockPool.BlockSize) * FixedBlockPool.BlockSize) + random.Next(-1, 2)),
        _ => random.Next(1, max + 1),
    };
}
