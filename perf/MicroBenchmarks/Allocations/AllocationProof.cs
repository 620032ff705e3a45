using System;
using System.Globalization;
using System.Net;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.MicroBenchmarks.Allocations;

/// <summary>
/// Echoes requests over loopback in this process and counts what the process allocates. The client allocates nothing.
/// </summary>
internal static class AllocationProof
{
    private const int Connections = 64;

    /// <summary>Below this it is what the runtime does now and then, and not what a request does.</summary>
    private const double Limit = 1;

    internal static async Task<int> RunAsync(int requests)
    {
        bool passed = true;
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{requests:N0} requests over {Connections} connections"));
        foreach (ApplicationScheduling scheduling in Enum.GetValues<ApplicationScheduling>())
        {
            passed &= await MeasureAsync(
                scheduling.ToString(),
                host => host.UseFdmTransport(options => options.Scheduling = scheduling),
                requests) < Limit;
        }

        await MeasureAsync("Sockets, to compare", static host => host.UseSockets(), requests);
        return passed ? 0 : 1;
    }

    /// <summary>The factory as Kestrel has it, with Kestrel's memory pool; Kestrel itself is not started.</summary>
    private static async Task<double> MeasureAsync(string name, Action<IWebHostBuilder> use, int requests)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        use(builder.WebHost);
        await using WebApplication app = builder.Build();
        return await MeasureAsync(name, app.Services.GetRequiredService<IConnectionListenerFactory>(), requests);
    }

    private static async Task<double> MeasureAsync(string name, IConnectionListenerFactory factory, int requests)
    {
        await using IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        Task echo = Echo.RunAsync(listener, Connections);
        double perRequest;
        using (var client = new EchoClient(((IPEndPoint)listener.EndPoint).Port, Connections))
        {
            // The code settles, the pools fill.
            client.Run(requests / 4);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            client.Run(requests);
            long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
            perRequest = (double)allocated / requests;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: {allocated:N0} bytes, {perRequest:0.000} per request"));
            if (perRequest >= Limit)
            {
                using var ticks = new AllocationTicks();
                client.Run(requests / 4);
                foreach ((string type, int count) in ticks.Most())
                {
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {count} samples: {type}"));
                }
            }
        }

        await echo;
        return perRequest;
    }
}
