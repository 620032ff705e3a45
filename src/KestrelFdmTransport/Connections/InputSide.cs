using System;

namespace KestrelFdmTransport.Connections;

/// <summary>The sides of an input. Its blocks are returned when both are done with the chain.</summary>
[Flags]
internal enum InputSide
{
    /// <summary>The application, until it has completed its reader.</summary>
    Consumer = 1,

    /// <summary>The loop, until it will receive no more.</summary>
    Producer = 2,
}
