using System;
using System.IO;
using System.Threading;

namespace KestrelFdmTransport.ComparisonServer;

/// <summary>Ends this process when the other end of its standard input is closed.</summary>
internal static class ParentWatcher
{
    internal static void EndWithIt()
    {
        var thread = new Thread(static () =>
        {
            using Stream input = Console.OpenStandardInput();
            Span<byte> ignored = stackalloc byte[64];
            while (input.Read(ignored) > 0)
            {
            }

            Environment.Exit(0);
        })
        { IsBackground = true, Name = "parent" };
        thread.Start();
    }
}
