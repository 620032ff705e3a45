using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>
/// A client and an application that come to a phase of a request together. The application then waits until its tokens
/// have fired, or what happens to it next would be a race on every transport.
/// </summary>
internal sealed class RequestScene(Transcript transcript)
{
    private const int PauseEvent = 4;
    private const int BodyLength = 64 * 1024 * 1024;
    private const string App = "application";

    private readonly InputGauge _gauge = new();
    private readonly Signal _reached = new();
    private readonly Signal _tokensFired = new();
    private readonly Signal _proceed = new();
    private readonly Signal _readEnded = new();

    public TestServerSetup Setup => new() { Listen = _gauge.Use, ExpectedError = TestServerSetup.DrainError };

    /// <summary>Called in the handler when it has come to its phase, to end the connection from there.</summary>
    public Action<HttpContext>? WhenReached { get; init; }

    /// <summary>How the sending of a body ended that is held up.</summary>
    public Task<Exception?> Sending { get; private set; } = Task.FromResult<Exception?>(null);

    public static bool IsHeldUp(RequestPhase phase)
        => phase is RequestPhase.WhileTheInputIsHeldUp or RequestPhase.WhileTheOutputIsHeldUp;

    /// <summary>Writes down what was logged, when the server is disposed of.</summary>
    public void AddLog(RequestPhase phase, LogCollector logs)
    {
        if (IsHeldUp(phase))
        {
            transcript.AddConnectionLog(logs);
        }
        else
        {
            transcript.AddHostLog(logs);
        }
    }

    public async Task HandleAsync(HttpContext context)
    {
        RequestPhase phase = PhaseOf(context);
        if (phase == RequestPhase.BetweenRequests)
        {
            return;
        }

        Watch(context);
        switch (phase)
        {
            case RequestPhase.WithinTheBody:
                await context.Request.Body.ReadExactlyAsync(new byte[4]);
                Task reading = transcript.StepAsync(App, "waiting read", () => ReadAsync(context));
                Reach(context);
                await reading;
                break;
            case RequestPhase.WhileTheInputIsHeldUp:
                await _proceed.Task;
                Reach(context);
                await transcript.StepAsync(App, "read on", () => ReadToEndAsync(context));
                break;
            case RequestPhase.AfterTheResponseBegan:
                await context.Response.WriteAsync("begun");
                await _proceed.Task;
                Reach(context);
                break;
            case RequestPhase.WhileTheOutputIsHeldUp:
                Task writing = transcript.StepAsync(App, "waiting write", () => WriteOnAsync(context));
                await _proceed.Task;
                Reach(context);
                await writing;
                break;
            default:
                Reach(context);
                break;
        }

        _readEnded.Set();
        await _tokensFired.Task;
        await transcript.StepAsync(App, "read", () => ReadAsync(context));
        await transcript.StepAsync(App, "write", () => context.Response.WriteAsync("late"));
        await transcript.StepAsync(
            App, "write with the token", () => context.Response.WriteAsync("late", context.RequestAborted));
        await transcript.StepAsync(App, "complete", context.Response.CompleteAsync);
    }

    /// <summary>Brings server and client to the phase.</summary>
    public async Task<RawClient> ReachAsync(TestServer server, RequestPhase phase)
    {
        RawClient client = await RawClient.ConnectAsync(server.EndPoint, receiveBufferSize: 16 * 1024);
        await server.UntilConnectionsStartedAsync();
        switch (phase)
        {
            case RequestPhase.BeforeTheFirstByte:
                break;
            case RequestPhase.WithinTheRequestLine:
                await SendUntilExaminedAsync(client, "GET /with");
                break;
            case RequestPhase.WithinTheHeaders:
                await SendUntilExaminedAsync(client, "GET / HTTP/1.1\r\nHost: te");
                break;
            case RequestPhase.BetweenRequests:
                transcript.Add("client", $"status {(await client.GetAsync(PathOf(phase))).Status}");
                await server.Logs.FindAsync(entry => entry.Is("ConnectionKeepAlive")).Within();
                break;
            case RequestPhase.WithinTheBody:
                await client.SendAsync(
                    $"POST {PathOf(phase)} HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart");
                await _reached.Task.Within();
                break;
            case RequestPhase.WhileTheInputIsHeldUp:
                await client.SendAsync(
                    $"POST {PathOf(phase)} HTTP/1.1\r\nHost: test\r\nContent-Length: {BodyLength}\r\n\r\n");
                Sending = Record.ExceptionAsync(() => client.SendPatternAsync(BodyLength));
                await server.Logs.FindTransportEventAsync(PauseEvent).Within();
                break;
            case RequestPhase.AfterTheResponseBegan:
                await client.SendAsync(RawClient.Get(PathOf(phase)));
                transcript.Add("client", $"status {(await client.ReadHeadAsync()).Status}");
                transcript.Add("client", $"chunk of {(await client.ReadChunkAsync()).Length}");
                break;
            case RequestPhase.WhileTheOutputIsHeldUp:
                await client.SendAsync(RawClient.Get(PathOf(phase)));
                await Eventually.UntilAsync(
                    () => TcpTable.Unread(client.LocalEndPoint, client.RemoteEndPoint) > 0
                        && TcpTable.Unsent(client.RemoteEndPoint, client.LocalEndPoint) > 0);
                break;
            default:
                await client.SendAsync(RawClient.Get(PathOf(phase)));
                await _reached.Task.Within();
                break;
        }

        return client;
    }

    /// <summary>Lets the application go on from where it waits for the client.</summary>
    public void Proceed() => _proceed.Set();

    private static string PathOf(RequestPhase phase) => $"/{phase}";

    private static RequestPhase PhaseOf(HttpContext context)
        => Enum.Parse<RequestPhase>(context.Request.Path.Value.AsSpan(1));

    private static async Task<string> ReadAsync(HttpContext context)
        => $"{await context.Request.Body.ReadAsync(new byte[16])} bytes";

    private static async Task<string> ReadToEndAsync(HttpContext context)
    {
        await context.Request.Body.CopyToAsync(Stream.Null);
        return "the end";
    }

    private void Reach(HttpContext context)
    {
        _reached.Set();
        WhenReached?.Invoke(context);
    }

    private void Watch(HttpContext context)
    {
        CancellationToken closed = context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed;
        int left = 2;
        Register(context.RequestAborted, "RequestAborted");
        Register(closed, "ConnectionClosed");
        if (context.Request.ContentLength > 0)
        {
            // Kestrel ends a connection in one way if the body's reader is first to see the client's FIN, and in
            // another if the token is. The last callback to be registered is the first to run.
            closed.Register(() => _readEnded.Task.Wait(Eventually.Limit));
        }

        void Register(CancellationToken token, string name) => token.Register(() =>
        {
            transcript.Add(name, "fires");
            if (Interlocked.Decrement(ref left) == 0)
            {
                _tokensFired.Set();
            }
        });
    }

    private static async Task<string> WriteOnAsync(HttpContext context)
    {
        byte[] chunk = new byte[64 * 1024];
        while (!context.RequestAborted.IsCancellationRequested)
        {
            await context.Response.Body.WriteAsync(chunk);
            // Writes to a dead connection complete at once, and this loop must not keep the thread from others.
            await Task.Yield();
        }

        return "aborted";
    }

    private async Task SendUntilExaminedAsync(RawClient client, string text)
    {
        await client.SendAsync(text);
        await _gauge.UntilExaminedAsync(text.Length);
    }
}
