using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>
/// The library has no unmanaged memory that could be left behind: its native calls use the stack and pinned arrays of
/// the garbage collector. So the census of <see cref="WayBackTests"/> need not count any. Pins of blocks are counted
/// there, by the pools.
/// </summary>
public sealed class UnmanagedMemoryTests
{
    private static readonly string[] s_allocations =
    [
        "NativeMemory", "AllocHGlobal", "AllocCoTaskMem", "StringToHGlobal", "StringToCoTaskMem", "SecureStringTo",
        "GCHandle", "PinnedGCHandle", "StructureToPtr", "\"mmap\"", "\"malloc\"", "\"calloc\"", "MemoryMappedFile",
        "ThreadPoolBoundHandle", "Overlapped",
    ];

    [Fact]
    public void The_library_allocates_none()
    {
        string folder = Path.Combine("src", "KestrelFdmTransport");
        IEnumerable<string> found =
            from file in Repository.Files(".cs")
            where file.StartsWith(folder, StringComparison.Ordinal)
            from line in File.ReadLines(Path.Combine(Repository.Root, file))
            where Array.Exists(s_allocations, name => line.Contains(name, StringComparison.Ordinal))
            select $"{file}: {line.Trim()}";

        Assert.Empty(found);
    }
}
