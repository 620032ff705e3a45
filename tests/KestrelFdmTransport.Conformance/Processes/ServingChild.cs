using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>
/// A server in a process of its own. Its arguments: the transport, where to listen, and maybe <see cref="FinOnError"/>
/// and <see cref="LogToErrors"/>.
/// </summary>
internal static class ServingChild
{
    public const string Loopback = "loopback";
    public const string Systemd = "systemd";
    public const string Handle = "handle:";
    public const string FinOnError = "fin-on-error";
    public const string LogToErrors = "log";
    public const int ExitCode = 7;

    /// <summary>The length of what "/pattern" answers: several blocks.</summary>
    public const int PatternLength = 20_000;
    public const int Collections = 20;

    private static readonly ManualResetEventSlim s_released = new();
    private static byte[]? s_allocated;

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments.Contains(FinOnError, StringComparer.Ordinal))
        {
            // It is read once, when the first server starts.
            AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.FinOnError", isEnabled: true);
        }

        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, arguments[1]));
        if (arguments.Contains(LogToErrors, StringComparer.Ordinal))
        {
            builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        }

        Transports.Use(builder.WebHost, Enum.Parse<TransportKind>(arguments[0]), new TransportSettings());
        await using WebApplication application = builder.Build();
        application.Run(context => HandleAsync(context, application.Lifetime));
        await application.StartAsync();
        await SayAsync($"listening at {application.Urls.First()}");
        await application.WaitForShutdownAsync();
        await SayAsync("stopped");
        return 0;
    }

    private static void Listen(KestrelServerOptions kestrel, string where)
    {
        if (where.StartsWith(Handle, StringComparison.Ordinal))
        {
            kestrel.ListenHandle(ulong.Parse(where[Handle.Length..], CultureInfo.InvariantCulture));
        }
        else if (string.Equals(where, Systemd, StringComparison.Ordinal))
        {
            kestrel.UseSystemd();
        }
        else
        {
            kestrel.Listen(IPAddress.Loopback, 0);
        }
    }

    private static async Task HandleAsync(HttpContext context, IHostApplicationLifetime lifetime)
    {
        switch (context.Request.Path.Value)
        {
            case "/abort":
                context.Abort();
                break;
            case "/wait":
                var stopping = new Signal();
                lifetime.ApplicationStopping.Register(stopping.Set);
                await SayAsync("waiting");
                await stopping.Task;
                await context.Response.WriteAsync("finished");
                break;
            case "/exit":
                Environment.Exit(ExitCode);
                break;
            case "/stalls":
                await context.Response.WriteAsync(
                    Transports.Loops(context.RequestServices).Sum(loop => loop.Stalls)
                        .ToString(CultureInfo.InvariantCulture));
                break;
            case "/threads":
                await context.Response.WriteAsync(OwnThreads().ToString(CultureInfo.InvariantCulture));
                break;
            case "/allocate":
                for (int i = 0; i < 25; i++)
                {
                    Volatile.Write(ref s_allocated, new byte[8_000]);
                }

                await context.Response.WriteAsync("allocated");
                break;
            case "/allocate-large":
                Volatile.Write(ref s_allocated, new byte[200_000]);
                await context.Response.WriteAsync("allocated");
                break;
            case "/flush-and-wait":
                await context.Response.WriteAsync("first ");
                await context.Response.Body.FlushAsync();
                await context.Response.WriteAsync(
                    s_released.Wait(TimeSpan.FromSeconds(10)) ? "released" : "left alone");
                break;
            case "/release":
                s_released.Set();
                break;
            case "/sleep":
                Thread.Sleep(100);
                break;
            case "/late-interrupt":
                // A watchdog that comes when the handler is over.
                Thread thread = Thread.CurrentThread;
                var watchdog = new Thread(() =>
                {
                    Thread.Sleep(30);
                    thread.Interrupt();
                });
                watchdog.Start();
                Thread.Sleep(15);
                break;
            case "/collect":
                await Task.Factory.StartNew(
                    CollectGarbage, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                await context.Response.WriteAsync("collected");
                break;
            case "/pattern":
                byte[] pattern = new byte[PatternLength];
                BytePattern.Default.Fill(pattern, 0);
                context.Response.ContentLength = pattern.Length;
                await context.Response.Body.WriteAsync(pattern);
                break;
            case "/spawn":
                await context.Response.WriteAsync(await DescribeGrandchildAsync());
                break;
            default:
                await context.Response.WriteAsync("hello");
                break;
        }
    }

    /// <summary>The transport's threads.</summary>
    private static int OwnThreads()
        => Directory.GetDirectories("/proc/self/task").Count(
            static thread => ReadName(thread).StartsWith("fdm-", StringComparison.Ordinal));

    private static string ReadName(string thread)
    {
        try
        {
            return File.ReadAllText(thread + "/comm");
        }
        catch (IOException)
        {
            // It has just ended.
            return string.Empty;
        }
    }

    /// <summary>Starts a program as an application may, and reports its open descriptors.</summary>
    private static async Task<string> DescribeGrandchildAsync()
    {
        var start = new ProcessStartInfo("cat")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process cat = Process.Start(start)!;
        // It runs its own code once it answers.
        await cat.StandardInput.WriteLineAsync("there");
        await cat.StandardInput.FlushAsync();
        await cat.StandardOutput.ReadLineAsync();
        string[] descriptors = Directory.GetFileSystemEntries($"/proc/{cat.Id}/fd");
        string description = string.Join('\n', descriptors.Select(descriptor => new FileInfo(descriptor).LinkTarget));
        cat.StandardInput.Close();
        await cat.WaitForExitAsync();
        return description;
    }

    /// <summary>Long collections: a big heap of small objects, while all threads are stopped.</summary>
    private static void CollectGarbage()
    {
        var heap = new object[2_000_000];
        for (int i = 0; i < heap.Length; i++)
        {
            heap[i] = new byte[1];
        }

        for (int i = 0; i < Collections; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
        }

        GC.KeepAlive(heap);
    }

    private static async Task SayAsync(string line)
    {
        await Console.Out.WriteLineAsync(line);
        await Console.Out.FlushAsync();
    }
}
