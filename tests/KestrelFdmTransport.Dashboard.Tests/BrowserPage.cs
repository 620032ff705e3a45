using System;
using System.Collections.Concurrent;
using System.Threading.Tasks;
using Microsoft.Playwright;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>A page of the browser, with what it complains about and what it asks for.</summary>
internal sealed class BrowserPage : IAsyncDisposable
{
    public BrowserPage(IPage page)
    {
        Page = page;
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                Complaints.Enqueue(message.Text);
            }
        };
        page.PageError += (_, error) => Complaints.Enqueue(error);
        page.Request += (_, request) => Requests.Enqueue(request.Url);
    }

    public IPage Page { get; }

    public ConcurrentQueue<string> Complaints { get; } = new();

    public ConcurrentQueue<string> Requests { get; } = new();

    public ILocator Status => Page.Locator("#status");

    public Task WaitForStatusAsync(string text) => Page.Locator("#status", new() { HasText = text }).WaitForAsync();

    /// <summary>Goes to the dashboard of a host, and waits for its first figures.</summary>
    public async Task WatchAsync(DashboardHost host)
    {
        await Page.GotoAsync(host.Client.BaseAddress + "fdm");
        await WaitForStatusAsync("Live");
    }

    public async ValueTask DisposeAsync() => await Page.Context.CloseAsync();
}
