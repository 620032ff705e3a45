namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>How a call, or the wait for what it returned, ended.</summary>
internal enum Outcome
{
    /// <summary>The call returned without a result.</summary>
    Done,

    /// <summary><c>TryRead</c> returned false.</summary>
    NoResult,

    Result,

    Pending,

    /// <summary>The call itself threw.</summary>
    Threw,

    /// <summary>The call returned; awaiting what it returned threw.</summary>
    Faulted,
}
