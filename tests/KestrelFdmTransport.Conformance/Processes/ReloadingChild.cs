using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Addresses;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>
/// A server whose endpoint moves to and fro under a connection, in a process of its own, so that only its descriptors
/// and threads are counted. Its argument: the transport.
/// </summary>
internal static class ReloadingChild
{
    private const int WarmUp = 10;
    private const int Reloads = 50;

    public static async Task<int> RunAsync(string[] arguments)
    {
        int[] ports = [FreePorts.InBothFamilies(), FreePorts.InBothFamilies()];
        using var reload = new EndpointReload(ports[0]);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(reload.Configure);
        Transports.Use(builder.WebHost, Enum.Parse<TransportKind>(arguments[0]), new TransportSettings());
        await using WebApplication application = builder.Build();
        application.Run(context => context.Response.WriteAsync("hello"));
        await application.StartAsync();

        await ReloadAsync(reload, ports, WarmUp);
        int descriptors = Descriptors();
        int threads = TransportThreads();
        await ReloadAsync(reload, ports, Reloads);
        // What is closed last may still be on its way out.
        await Eventually.UntilAsync(
            () => Descriptors() <= descriptors,
            () => $"{Descriptors()} descriptors, {descriptors} before");
        await Eventually.UntilAsync(
            () => TransportThreads() <= threads,
            () => $"{TransportThreads()} threads, {threads} before");
        await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"reloaded {Reloads} times"));
        await application.StopAsync();
        return 0;
    }

    private static async Task ReloadAsync(EndpointReload reload, int[] ports, int times)
    {
        for (int i = 1; i <= times; i++)
        {
            using RawClient old = await RawClient.ConnectAsync(EndpointReload.EndPoint(ports[(i - 1) % 2]));
            Assert.Equal("hello", (await old.GetAsync("/")).Text);
            reload.Change(ports[i % 2]);
            await EndpointReload.UntilServedAsync(ports[i % 2]).Within();
            await old.AssertFinAsync();
        }
    }

    /// <summary>Sockets, epoll instances and eventfds.</summary>
    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd")
        .Count(descriptor => new FileInfo(descriptor).LinkTarget is { } target && !target.StartsWith('/'));

    /// <summary>Not the pool's, of which there may be more at any time.</summary>
    private static int TransportThreads() => Directory.GetDirectories("/proc/self/task").Count(IsTransportThread);

    private static bool IsTransportThread(string task)
    {
        try
        {
            string name = File.ReadAllText(Path.Combine(task, "comm"));
            return name.StartsWith("fdm-", StringComparison.Ordinal)
                || name.StartsWith(".NET Sockets", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // The thread has ended since the listing.
            return false;
        }
    }
}
