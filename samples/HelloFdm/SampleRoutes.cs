using System;
using System.Net.WebSockets;
using KestrelFdmTransport;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace HelloFdm;

/// <summary>The application, independent of the transport.</summary>
internal static class SampleRoutes
{
    public static void AddSample(this IServiceCollection services) =>
        services.ConfigureHttpJsonOptions(
            options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, SampleJsonContext.Default));

    public static void MapSample(this WebApplication app)
    {
        app.UseWebSockets();

        app.MapGet("/", () => "Hello from KestrelFdmTransport.\n");

        app.MapGet("/json", () => new Greeting("Hello, World!"));

        app.MapPost("/upload", async (HttpContext context) =>
        {
            // The body is counted as it comes and never held, so the server's limit (30 MB by default) is not needed
            // here.
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
                await context.Response.WriteAsync(
                    "The number of bytes must not be negative.\n",
                    context.RequestAborted);
                return;
            }

            context.Response.ContentType = "application/octet-stream";
            context.Response.ContentLength = bytes;
            await Streams.WritePatternAsync(context.Response.BodyWriter, bytes, context.RequestAborted);
        });

        app.MapGet(
            "/events",
            Results<ServerSentEventsResult<string>,
            BadRequest<string>> (int? count, HttpContext context) =>
                count is < 0
                    ? TypedResults.BadRequest("The number of events must not be negative.")
                    : TypedResults.ServerSentEvents(
                        Streams.TickAsync(count ?? 10, TimeSpan.FromMilliseconds(200), context.RequestAborted),
                        eventType: "tick"));

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

        app.MapGet(
            "/loops",
            (HttpContext context)
                => LoopsReport.Create(context.RequestServices, context.Features.Get<IFdmConnectionFeature>()));
    }
}
