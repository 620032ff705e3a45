using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Interop;

/// <summary>Device and inode number, which no two existing files share.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FileIdentity(ulong Device, ulong Inode);
