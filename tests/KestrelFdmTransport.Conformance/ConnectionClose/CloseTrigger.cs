namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>What happens to the connection.</summary>
public enum CloseTrigger
{
    ClientFin,
    ClientClose,
    ClientReset,
    Abort,
    AbortWithoutReason,
    FeatureAbort,
    OutputCompleted,
    OutputCompletedWithError,
    InputCompleted,
    InputCompletedWithError,
    BothCompleted,
    Disposed,
    ReadCancelled,
    FlushCancelled,
    ClientFinThenOutputCompleted,
    ClientFinThenAbort,
    OutputCompletedThenClientFin,
    OutputCompletedThenAbort,
    AbortThenOutputCompletedWithError,
}
