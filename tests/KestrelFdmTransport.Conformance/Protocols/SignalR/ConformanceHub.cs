using System.Collections.Generic;
using System.Threading.Tasks;
using Microsoft.AspNetCore.SignalR;

namespace KestrelFdmTransport.Conformance.Protocols.SignalR;

// SignalR sees no static methods.
#pragma warning disable CA1822
internal sealed class ConformanceHub : Hub
{
    public string Echo(string text) => text;

    public async IAsyncEnumerable<int> Count(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            yield return i;
        }
    }

    public async Task<int> Sum(IAsyncEnumerable<int> values)
    {
        int sum = 0;
        await foreach (int value in values)
        {
            sum += value;
        }

        return sum;
    }

    public async IAsyncEnumerable<int> Double(IAsyncEnumerable<int> values)
    {
        await foreach (int value in values)
        {
            yield return 2 * value;
        }
    }

    public void Fail() => throw new HubException("as asked");

    public Task Say(string text) => Clients.All.SendAsync("said", text);
}
