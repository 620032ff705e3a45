using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>Hosts with Kestrel on a free port, and the options that the transport gets in them.</summary>
internal static class HostedOptions
{
    /// <summary>The options of a host that is set up like this.</summary>
    public static FdmTransportOptions Read(
        Action<IWebHostBuilder> configure,
        params (string Key, string? Value)[] configuration)
    {
        using IHost host = Build(configure, configuration);
        return host.Services.GetRequiredService<IOptions<FdmTransportOptions>>().Value;
    }

    /// <summary>Starts a host that is set up like this, and stops it again.</summary>
    public static async Task StartAsync(
        Action<IWebHostBuilder> configure,
        params (string Key, string? Value)[] configuration)
    {
        using IHost host = Build(configure, configuration);
        await host.StartAsync().Within("the start of the host");
        await host.StopAsync().Within("the stop of the host");
    }

    public static IHost Build(Action<IWebHostBuilder> configure, params (string Key, string? Value)[] configuration)
        => new HostBuilder()
            .ConfigureAppConfiguration(builder => builder.AddInMemoryCollection(
                configuration.Select(entry => KeyValuePair.Create($"Kestrel:FdmTransport:{entry.Key}", entry.Value))))
            .ConfigureWebHost(webHost =>
            {
                webHost.UseKestrelCore().UseUrls("http://127.0.0.1:0")
                    .Configure(application => application.Run(_ => Task.CompletedTask));
                configure(webHost);
            })
            .Build();
}
