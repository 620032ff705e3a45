// gRPC over TCP and over a Unix socket. "client" as the first argument calls a server. README.md has the commands.

using GrpcSample;

if (args is ["client", var address])
{
    await ClockClient.RunAsync(address);
    return;
}

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.UseFdmTransport();
builder.Services.AddGrpc();

await using WebApplication app = builder.Build();
app.MapGrpcService<ClockService>();
await app.RunAsync();
