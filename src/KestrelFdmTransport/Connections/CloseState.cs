using System;

namespace KestrelFdmTransport.Connections;

/// <summary>How far the end of a connection has come, and whose it is before.</summary>
[Flags]
internal enum CloseState
{
    /// <summary>No callback of the connection will run any more.</summary>
    CallbacksRun = 1,

    /// <summary>The descriptor is gone and every block is back.</summary>
    Closed = 2,

    /// <summary>The application has disposed of the connection.</summary>
    Disposing = 4,

    /// <summary>The server has it.</summary>
    Taken = 8,

    /// <summary>The server will not get it.</summary>
    Withdrawn = 16,

    /// <summary>The token's callbacks have run.</summary>
    TokenFired = 32,

    /// <summary>No flush will send anything more.</summary>
    OutputOver = 64,
}
