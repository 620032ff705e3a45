// The server side of a comparison: the same application on one candidate.
//   ComparisonServer <transport> [loops] [steps per microsecond of work]
// transport: sockets | sockets-inline | fdm | fdm-inline | fdm-pool | fdm-no-sets | fdm-no-migration | fdm-reuse-port.
// It ends when its standard input ends.
// For sockets-inline to be what its users run, set DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS=1.
// The first line that it prints says which ports it listens on:
//   ready http=1 raw=2 https=3 h2c=4 h2=5
using System;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using KestrelFdmTransport;
using KestrelFdmTransport.ComparisonServer;
using KestrelFdmTransport.TestUtilities;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

if (args.Length < 1)
{
    await Console.Error.WriteLineAsync("usage: ComparisonServer <transport> [loops] [steps per microsecond of work]");
    return 2;
}

int loops = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
int stepsPerMicrosecond = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : CpuWork.Calibrate();

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
switch (args[0])
{
    case "sockets":
        builder.WebHost.UseSockets();
        break;
    case "sockets-inline":
        builder.WebHost.UseSockets(options => options.UnsafePreferInlineScheduling = true);
        break;
    case "fdm":
        UseFdm(static _ => { });
        break;
    case "fdm-inline":
        UseFdm(static options => options.Scheduling = ApplicationScheduling.Inline);
        break;
    case "fdm-pool":
        UseFdm(static options => options.Scheduling = ApplicationScheduling.ThreadPool);
        break;
    case "fdm-no-sets":
        UseFdm(static options => options.PollingSets = false);
        break;
    case "fdm-no-migration":
        UseFdm(static options => options.RebalanceConnections = false);
        break;
    case "fdm-reuse-port":
        UseFdm(static options => options.ReusePort = true);
        break;
    default:
        await Console.Error.WriteLineAsync($"'{args[0]}' is no transport.");
        return 2;
}

using X509Certificate2 certificate = SelfSignedCertificate.Create();
builder.WebHost.UseKestrelHttpsConfiguration();
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http1);
    kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.UseConnectionHandler<RawHandler>());
    kestrel.Listen(IPAddress.Loopback, 0, endpoint =>
    {
        endpoint.Protocols = HttpProtocols.Http1;
        endpoint.UseHttps(certificate);
    });
    kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http2);
    kestrel.Listen(IPAddress.Loopback, 0, endpoint =>
    {
        endpoint.Protocols = HttpProtocols.Http2;
        endpoint.UseHttps(certificate);
    });
});

WebApplication app = builder.Build();
app.Run(new Application(args[0], stepsPerMicrosecond).AnswerAsync);
await app.StartAsync();

// In the order in which they are configured.
int[] ports = [.. app.Urls.Select(url => new Uri(url).Port)];
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"ready http={ports[0]} raw={ports[1]} https={ports[2]} h2c={ports[3]} h2={ports[4]}"));
ParentWatcher.EndWithIt();
await ((IHost)app).WaitForShutdownAsync();
return 0;

void UseFdm(Action<FdmTransportOptions> configure) => builder.WebHost.UseFdmTransport(options =>
{
    options.LoopCount = loops;
    configure(options);
});
