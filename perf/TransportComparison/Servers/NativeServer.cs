using System;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.TransportComparison.Servers;

/// <summary>The C server, compiled where a C compiler is there.</summary>
internal static class NativeServer
{
    internal static string Executable { get; } = Path.Combine(AppContext.BaseDirectory, "Native", "epoll-server");

    /// <summary>Null if it is ready, otherwise why it is not.</summary>
    internal static async Task<string?> CompileAsync(CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("cc", ["-O2", "-pthread", "-o", Executable, Executable + ".c"])
        {
            UseShellExecute = false,
            RedirectStandardError = true
        };
        try
        {
            using Process compiler = Process.Start(start)!;
            string errors = await compiler.StandardError.ReadToEndAsync(cancellation);
            await compiler.WaitForExitAsync(cancellation);
            return compiler.ExitCode == 0 ? null : $"cc failed: {errors}";
        }
        catch (Win32Exception)
        {
            return "there is no C compiler (cc)";
        }
    }
}
