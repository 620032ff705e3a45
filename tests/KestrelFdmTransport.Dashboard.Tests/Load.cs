using System;
using System.Linq;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>
/// Clients that send requests until they are disposed: some all the time, some now and then, one to a handler that
/// blocks.
/// </summary>
internal sealed class Load : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly HttpClient _client;
    private readonly Task _clients;

    public Load(Uri address, int clients)
    {
        _client = new HttpClient { BaseAddress = address };
        _clients = Task.WhenAll(Enumerable.Range(0, clients).Select(RunAsync));
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _clients.Within();
        _client.Dispose();
        _end.Dispose();
    }

    private async Task RunAsync(int index)
    {
        var pause = TimeSpan.FromMilliseconds(index % 2 == 0 ? 0 : 25 * index);
        try
        {
            while (true)
            {
                await _client.GetStringAsync(index == 1 ? "/block" : "/", _end.Token);
                await Task.Delay(pause, _end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // the end
        }
    }
}
