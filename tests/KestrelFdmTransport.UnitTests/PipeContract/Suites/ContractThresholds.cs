using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.PipeContract;

internal static class ContractThresholds
{
    /// <summary>From two blocks, which most sequences reach, to the value that Kestrel's default leads to.</summary>
    public static IReadOnlyList<int> Default { get; } = [2 * FixedBlockPool.BlockSize, 16 * 1024, 64 * 1024];
}
