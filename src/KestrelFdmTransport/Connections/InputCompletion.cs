using System;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// What has come to an end of an input. Its blocks are returned when both sides are done with the chain.
/// </summary>
[Flags]
internal enum InputCompletion
{
    /// <summary>The application has completed its reader.</summary>
    Consumer = 1,

    /// <summary>The loop will receive no more.</summary>
    Producer = 2,

    /// <summary>How the input ends is decided.</summary>
    Decided = 4,
}
