using System;
using System.Buffers;
using System.IO.Pipelines;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Takes for examined only what is consumed.</summary>
internal sealed class IgnoresExaminedReader(PipeReader inner) : DelegatingPipeReader(inner)
{
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) =>
        base.AdvanceTo(consumed, Index(examined) < Index(consumed) ? examined : consumed);

    private static long Index(SequencePosition position) =>
        position.GetObject() is ReadOnlySequenceSegment<byte> segment ? segment.RunningIndex
            + position.GetInteger() : 0;
}
