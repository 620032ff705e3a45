using System;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Messages to a source's loop; bits, so that many of one kind become one.</summary>
[Flags]
internal enum LoopCommand
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Watch the descriptor.</summary>
    Register = 1,

    /// <summary>There is room again: read, or accept.</summary>
    Resume = 2,

    /// <summary>Close the descriptor at the end of this iteration.</summary>
    Close = 4,

    /// <summary>Rest for a while.</summary>
    PauseAccept = 8,

    /// <summary>There is a new deadline.</summary>
    UpdateTimer = 16,
}
