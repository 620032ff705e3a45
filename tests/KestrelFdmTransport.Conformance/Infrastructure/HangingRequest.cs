using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>A request whose handler runs until the request is aborted.</summary>
internal sealed class HangingRequest
{
    private readonly Signal _running = new();
    private readonly Signal _aborted = new();

    public Task UntilRunning => _running.Task.Within("the handler");

    public Task UntilAborted => _aborted.Task.Within("the abort of the request");

    public async Task HandleAsync(HttpContext context)
    {
        context.RequestAborted.Register(_aborted.Set);
        _running.Set();
        await _aborted.Task;
    }
}
