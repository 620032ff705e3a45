using System.Collections.Generic;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>What was seen of one ending.</summary>
/// <param name="Lines">In which order the parties have seen it.</param>
/// <param name="Reads">How many reads have succeeded after it and before the token.</param>
/// <param name="Flushes">The same of flushes.</param>
/// <param name="IsFlushAfterToken">The token had fired when the flush that waited was over.</param>
internal sealed record EndOrder(IReadOnlyList<string> Lines, int Reads, int Flushes, bool IsFlushAfterToken);
