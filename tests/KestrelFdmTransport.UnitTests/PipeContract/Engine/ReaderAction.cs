namespace KestrelFdmTransport.UnitTests.PipeContract;

internal enum ReaderAction
{
    Feed,
    Read,
    ReadAtLeast,
    TryRead,
    Advance,
    AdvanceToDefault,
    AdvanceBackwards,
    AdvanceAgain,
    CancelPendingRead,
    CancelToken,
    Collect,
    Complete,
    EndOfInput,
}
