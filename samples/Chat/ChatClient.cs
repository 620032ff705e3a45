using Microsoft.AspNetCore.SignalR.Client;

namespace Chat;

/// <summary>Says one thing, prints what comes until it has come back, and leaves.</summary>
internal static class ChatClient
{
    public static async Task RunAsync(string address, string name, string text)
    {
        await using HubConnection hub = new HubConnectionBuilder()
            .WithUrl(new Uri(new Uri(address), ChatHub.Path))
            .AddMessagePackProtocol()
            .Build();
        var returned = new TaskCompletionSource();
        hub.On<string, string>(ChatHub.Received, (from, said) =>
        {
            Console.WriteLine($"{from}: {said}");
            if ((from, said) == (name, text))
            {
                returned.TrySetResult();
            }
        });
        await hub.StartAsync();
        await hub.InvokeAsync(nameof(ChatHub.Send), name, text);
        await returned.Task;
    }
}
