using System.Runtime.InteropServices;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// A count that threads other than the loop's owner write, on cache lines of its own. Two, because processors fetch
/// lines in pairs.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct PaddedCount
{
    [FieldOffset(128)]
    internal long Value;
}
