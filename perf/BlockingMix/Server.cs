using System;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Threading.Tasks;

namespace KestrelFdmTransport.BlockingMix;

/// <summary>A candidate as a child process.</summary>
internal sealed class Server : IDisposable
{
    private readonly Process _process;

    private Server(Process process, string name, int port)
    {
        _process = process;
        Name = name;
        Port = port;
    }

    public string Name { get; }

    public int Port { get; }

    /// <summary>User and system time so far.</summary>
    public TimeSpan CpuTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<Server> StartAsync(string dll, string name, int port)
    {
        var start = new ProcessStartInfo("taskset", ["-c", "0", "dotnet", dll, name, port.ToString(CultureInfo.InvariantCulture)]);
        if (string.Equals(name, "sockets-inline", StringComparison.Ordinal))
        {
            start.Environment["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1";
        }

        Process process = Process.Start(start)!;
        for (int i = 0; i < 200; i++)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync("127.0.0.1", port);
                return new Server(process, name, port);
            }
            catch (SocketException) when (!process.HasExited)
            {
                await Task.Delay(50);
            }
        }

        throw new InvalidOperationException($"{name} does not listen.");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
