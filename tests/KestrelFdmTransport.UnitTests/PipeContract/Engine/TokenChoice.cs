namespace KestrelFdmTransport.UnitTests.PipeContract;

internal enum TokenChoice
{
    None,

    /// <summary>A token of its own, which a later step may cancel.</summary>
    Fresh,

    AlreadyCancelled,
}
