using System;

namespace KestrelFdmTransport.Connections;

/// <summary>The sides that must both be done with the input chain before its blocks are returned.</summary>
[Flags]
internal enum ChainEnd
{
    /// <summary>The application has completed its reader.</summary>
    Consumer = 1,

    /// <summary>The loop will receive no more.</summary>
    Producer = 2,
}
