// The server side of a comparison: one fixed answer over HTTP, and the same over a raw connection handler.
//   PlaintextServer <transport> <port> [loops]
// transport: sockets | sockets-inline | fdm | fdm-inline | fdm-pool. HTTP listens on the port, the raw handler on the next.
// For sockets-inline to be what its users run, set DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS=1.
using System;
using System.Globalization;
using System.Net;
using System.Threading;
using KestrelFdmTransport;
using KestrelFdmTransport.PlaintextServer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

if (args.Length < 2)
{
    await Console.Error.WriteLineAsync("usage: PlaintextServer <sockets|sockets-inline|fdm|fdm-inline|fdm-pool> <port> [loops]");
    return 2;
}

int port = int.Parse(args[1], CultureInfo.InvariantCulture);
int loops = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : Environment.ProcessorCount;

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
        UseFdm(ApplicationScheduling.Adaptive);
        break;
    case "fdm-inline":
        UseFdm(ApplicationScheduling.Inline);
        break;
    case "fdm-pool":
        UseFdm(ApplicationScheduling.ThreadPool);
        break;
    default:
        await Console.Error.WriteLineAsync($"'{args[0]}' is no transport.");
        return 2;
}

builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Listen(IPAddress.Loopback, port);
    kestrel.Listen(IPAddress.Loopback, port + 1, endpoint => endpoint.UseConnectionHandler<RawHandler>());
});

WebApplication app = builder.Build();
app.Run(static context =>
{
    switch (context.Request.Path.Value)
    {
        case "/block":
            Thread.Sleep(20);
            break;
        case "/nap":
            Thread.Sleep(10);
            break;
        case "/compute":
            Answers.Compute(TimeSpan.FromMilliseconds(1));
            break;
    }

    context.Response.ContentType = "text/plain";
    context.Response.ContentLength = Answers.Body.Length;
    return context.Response.Body.WriteAsync(Answers.Body).AsTask();
});
await app.RunAsync();
return 0;

void UseFdm(ApplicationScheduling scheduling) => builder.WebHost.UseFdmTransport(options =>
{
    options.Scheduling = scheduling;
    options.LoopCount = loops;
});
