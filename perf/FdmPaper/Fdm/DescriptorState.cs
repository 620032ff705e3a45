using System.Runtime.InteropServices;

namespace KestrelFdmTransport.FdmPaper.Fdm;

/// <summary>What FDM knows of a descriptor.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct DescriptorState
{
    /// <summary>The live counter, 0 to N.</summary>
    internal int Counter;

    /// <summary>True for a listen socket: it has no counter and stays active.</summary>
    internal bool Locked;

    /// <summary>In clock milliseconds; 0 if there is none.</summary>
    internal long Deadline;

    internal object? Payload;
}
