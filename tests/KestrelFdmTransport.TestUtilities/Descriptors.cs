using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using Xunit;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>The descriptors of this process.</summary>
public static class Descriptors
{
    public static void SkipBelow(int needed)
    {
        string limits = File.ReadLines("/proc/self/limits")
            .First(line => line.StartsWith("Max open files", StringComparison.Ordinal));
        string soft = limits.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
        bool enough = !int.TryParse(soft, CultureInfo.InvariantCulture, out int limit) || limit >= needed;
        Skip.IfNot(enough, $"The case needs {needed} descriptors, the process may have {soft}.");
    }

    /// <summary>What the kernel knows behind the socket's number; throws once it is closed.</summary>
    public static string Describe(Socket socket)
        => new FileInfo($"/proc/self/fd/{socket.Handle}").LinkTarget
            ?? throw new IOException("The descriptor is closed.");
}
