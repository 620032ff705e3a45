using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>A handler that writes until its request is aborted, to a client that does not read.</summary>
internal sealed class WaitingWrite(HttpContext context)
{
    private const int Chunk = 1024;

    private readonly Signal _ended = new();
    private int _succeeded;
    private int _seen = -1;
    private int _still;
    private bool _waits;

    /// <summary>How many writes have succeeded since the last look, before the token's callbacks have run.</summary>
    public int SucceededSince => Volatile.Read(ref _succeeded) - _seen;

    /// <summary>
    /// Three looks at the same write that waits: one that only lets others run first goes on meanwhile.
    /// </summary>
    public bool WaitsStill()
    {
        int now = Volatile.Read(ref _succeeded);
        _still = now == _seen && Volatile.Read(ref _waits) ? _still + 1 : 0;
        _seen = now;
        return _still >= 2;
    }

    public Task EndedAsync() => _ended.Task.Within("the end of a handler");

    public async Task RunAsync()
    {
        var token = new Signal();
        using CancellationTokenRegistration registration = context.RequestAborted.Register(token.Set);
        byte[] chunk = new byte[Chunk];
        try
        {
            while (!token.Task.IsCompleted)
            {
                ValueTask<FlushResult> writing = context.Response.BodyWriter.WriteAsync(chunk, context.RequestAborted);
                Volatile.Write(ref _waits, !writing.IsCompleted);
                await writing;
                Volatile.Write(ref _waits, false);
                _succeeded++;
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // Aborted, as it should be; or the host is gone, and its memory with it.
        }

        await token.Task.Within("RequestAborted");
        _ended.Set();
    }

    public void Abort(AbortSource source)
    {
        switch (source)
        {
            case AbortSource.HttpContextAbort:
                context.Abort();
                break;
            case AbortSource.FeatureAbort:
                context.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
                break;
            case AbortSource.ConnectionAbort:
                Connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            default:
                Connection.Abort(null!);
                break;
        }
    }

    /// <summary>The transport's, under all that Kestrel has put around it.</summary>
    private ConnectionContext Connection
        => (ConnectionContext)context.Features.Get<IConnectionItemsFeature>()!.Items[typeof(WaitingWrite)]!;
}
