// An echo server without HTTP. "client" as the first argument is a client for it. README.md has the commands.

using System.Net;
using Microsoft.AspNetCore.Connections;
using TcpEcho;

if (args is ["client", var server, var text])
{
    await EchoClient.RunAsync(IPEndPoint.Parse(server), text);
    return;
}

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.UseFdmTransport();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
    IPEndPoint.Parse(builder.Configuration["Listen"] ?? "127.0.0.1:7000"),
    listen => listen.UseConnectionHandler<EchoHandler>()));

await using WebApplication app = builder.Build();
await app.RunAsync();
