using Microsoft.AspNetCore.SignalR;

namespace Chat;

internal sealed class ChatHub : Hub
{
    public const string Path = "/chat";

    /// <summary>What every client is called with.</summary>
    public const string Received = "received";

    public Task Send(string name, string text) => Clients.All.SendAsync(Received, name, text);
}
