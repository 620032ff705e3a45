using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>What no two files that exist at a time have in common: the device and the number of the inode.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FileIdentity(ulong Device, ulong Inode);
