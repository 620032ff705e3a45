// One small server that uses every kind of traffic. Start it from the repository root:
//
//   dotnet run --project samples/HelloFdm -c Release
//
// and try each route:
//
//   curl http://127.0.0.1:5000/                                    plain text
//   curl http://127.0.0.1:5000/json                                JSON
//   head -c 100000000 /dev/zero | curl -X POST -T - http://127.0.0.1:5000/upload   counts a streamed body
//   curl -o /dev/null http://127.0.0.1:5000/download/1000000000    streams that many bytes
//   curl -N 'http://127.0.0.1:5000/events?count=5'                 server-sent events, one per 200 ms
//   curl -s --max-time 1 -D - -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
//        -H 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==' http://127.0.0.1:5000/ws   WebSocket echo: the 101 answer
//   curl http://127.0.0.1:5000/loops                               what the event loops have done
//
// Any setting can be given on the command line:
//
//   dotnet run --project samples/HelloFdm -c Release -- --urls http://0.0.0.0:8080 --Kestrel:FdmTransport:Scheduling=Inline

using System;
using System.Net.WebSockets;
using HelloFdm;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);

builder.WebHost.UseFdmTransport();

builder.UseSampleDefaults();
builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, SampleJsonContext.Default));

await using WebApplication app = builder.Build();
app.UseWebSockets();

app.MapGet("/", () => "Hello from KestrelFdmTransport.\n");

app.MapGet("/json", () => new Greeting("Hello, World!"));

app.MapPost("/upload", async (HttpContext context) =>
{
    // The body is counted as it comes and never held, so the server's limit (30 MB by default) is not needed here.
    if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
    {
        limit.MaxRequestBodySize = null;
    }

    return new UploadResult(await Streams.CountAsync(context.Request.BodyReader, context.RequestAborted));
});

app.MapGet("/download/{bytes}", async (long bytes, HttpContext context) =>
{
    if (bytes < 0)
    {
        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        await context.Response.WriteAsync("The number of bytes must not be negative.\n", context.RequestAborted);
        return;
    }

    context.Response.ContentType = "application/octet-stream";
    context.Response.ContentLength = bytes;
    await Streams.WritePatternAsync(context.Response.BodyWriter, bytes, context.RequestAborted);
});

app.MapGet("/events", Results<ServerSentEventsResult<string>, BadRequest<string>> (int? count, HttpContext context) =>
    count is < 0
        ? TypedResults.BadRequest("The number of events must not be negative.")
        : TypedResults.ServerSentEvents(Streams.TickAsync(count ?? 10, TimeSpan.FromMilliseconds(200), context.RequestAborted), eventType: "tick"));

app.MapGet("/ws", async (HttpContext context) =>
{
    if (!context.WebSockets.IsWebSocketRequest)
    {
        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        await context.Response.WriteAsync("This route speaks WebSocket.\n", context.RequestAborted);
        return;
    }

    using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
    await WebSocketEcho.RunAsync(socket, context.RequestAborted);
});

app.MapGet("/loops", (IServiceProvider services) => LoopsReport.Create(services));

await app.StartAsync();

foreach (string url in app.Urls)
{
    Console.WriteLine($"Listening on {url}");
}

Console.WriteLine(LoopsReport.Create(app.Services).Transport);
Console.WriteLine("Ctrl+C stops the server.");

await app.WaitForShutdownAsync();
