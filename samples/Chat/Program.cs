// A chat with SignalR: browsers speak JSON, .NET clients MessagePack. "client" as the first argument is such a client.
// README.md has the commands.

using Chat;

if (args is ["client", var address, var name, var text])
{
    await ChatClient.RunAsync(address, name, text);
    return;
}

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.UseFdmTransport();
builder.Services.AddSignalR().AddMessagePackProtocol();

await using WebApplication app = builder.Build();
app.UseDefaultFiles();
app.UseStaticFiles();
app.MapHub<ChatHub>(ChatHub.Path);
await app.RunAsync();
