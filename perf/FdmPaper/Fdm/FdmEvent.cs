using System.Runtime.InteropServices;

namespace KestrelFdmTransport.FdmPaper.Fdm;

/// <summary>What <see cref="FdmSets.Wait"/> delivers.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FdmEvent(int Descriptor, short Events, object? Payload);
