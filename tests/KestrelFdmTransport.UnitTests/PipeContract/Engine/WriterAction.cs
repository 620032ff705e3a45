namespace KestrelFdmTransport.UnitTests.PipeContract;

internal enum WriterAction
{
    GetMemory,
    GetSpan,
    GetNegative,
    Advance,
    AdvanceTooFar,
    AdvanceNegative,
    Flush,
    Write,
    CancelPendingFlush,
    CancelToken,
    Collect,
    Drain,
    Complete,
    EndOfOutput,
}
