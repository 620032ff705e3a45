using System;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>
/// Brings a connection into a state, triggers its close, and records what all sides see until it is disposed.
/// </summary>
[SuppressMessage(
    "Reliability",
    "CA2000:Dispose objects before losing scope",
    Justification = "The client is disposed by the scenario.")]
internal sealed class CloseScenario(Transcript story, ConnectionState before, CloseTrigger happening)
{
    private const int Limit = 16 * 1024;
    private const int Flood = 64 * 1024;
    private const int MoreThanTheKernelTakes = 8 * 1024 * 1024;

    private BareTransport _bare = null!;
    private RawClient _client = null!;
    private ConnectionContext _connection = null!;
    private Task<string>? _reading;
    private Task<string>? _flushing;
    private bool _clientGone;

    private PipeReader Input => _connection.Transport.Input;

    private PipeWriter Output => _connection.Transport.Output;

    public async Task RunAsync(TransportKind transport)
    {
        _bare = await BareTransport.StartAsync(transport, new TransportSettings
        {
            MaxReadBufferSize = new BufferLimit(Limit),
            MaxWriteBufferSize = new BufferLimit(Limit),
        });
        await using (_bare)
        {
            (_client, _connection) = await _bare.ConnectAsync(receiveBufferSize: 64 * 1024);
            using (_client)
            {
                await PrepareAsync();
                await HappenAsync();
                await AfterwardsAsync();
            }
        }

        story.AddLog(_bare.Logs);
    }

    private async Task PrepareAsync()
    {
        switch (before)
        {
            case ConnectionState.Idle:
                break;
            case ConnectionState.Received:
                await _client.SendAsync("hello");
                await ConsumeAsync(5);
                break;
            case ConnectionState.Unread:
                await _client.SendAsync("hello");
                await SeeAsync(5);
                return;
            case ConnectionState.Answered:
                await _client.SendAsync("hello");
                await ConsumeAsync(5);
                await Output.WriteAsync(Encoding.ASCII.GetBytes("welcome")).Within();
                await _client.ReadTextAsync(7);
                break;
            case ConnectionState.InputPaused:
                await _client.SendAsync(new byte[Flood]);
                await _bare.Logs.FindTransportEventAsync(4).Within("the pause of receiving");
                return;
            case ConnectionState.OutputPaused:
                _flushing = Observe.OutcomeAsync(
                    async () => Describe(await Output.WriteAsync(new byte[MoreThanTheKernelTakes])));
                break;
        }

        _reading = Observe.OutcomeAsync(ReadAsync);
    }

    private async Task HappenAsync()
    {
        switch (happening)
        {
            case CloseTrigger.ClientFin:
            case CloseTrigger.ClientFinThenOutputCompleted:
            case CloseTrigger.ClientFinThenAbort:
                _client.HalfClose();
                break;
            case CloseTrigger.ClientClose:
                _clientGone = true;
                _client.Dispose();
                break;
            case CloseTrigger.ClientReset:
                _clientGone = true;
                _client.Reset();
                break;
            case CloseTrigger.Abort:
            case CloseTrigger.AbortThenOutputCompletedWithError:
                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case CloseTrigger.AbortWithoutReason:
                _connection.Abort(null!);
                break;
            case CloseTrigger.FeatureAbort:
                _connection.Features.Get<IConnectionLifetimeFeature>()!.Abort();
                break;
            case CloseTrigger.OutputCompleted:
            case CloseTrigger.OutputCompletedThenAbort:
            case CloseTrigger.OutputCompletedThenClientFin:
                await Output.CompleteAsync();
                break;
            case CloseTrigger.OutputCompletedWithError:
                await Output.CompleteAsync(new InvalidOperationException("Bad output."));
                break;
            case CloseTrigger.InputCompleted:
                await Input.CompleteAsync();
                break;
            case CloseTrigger.InputCompletedWithError:
                await Input.CompleteAsync(new InvalidOperationException("Bad input."));
                break;
            case CloseTrigger.BothCompleted:
                await Input.CompleteAsync();
                await Output.CompleteAsync();
                break;
            case CloseTrigger.Disposed:
                break;
            case CloseTrigger.ReadCancelled:
                Input.CancelPendingRead();
                break;
            case CloseTrigger.FlushCancelled:
                Output.CancelPendingFlush();
                break;
        }

        await HappenNextAsync();
    }

    private async Task HappenNextAsync()
    {
        switch (happening)
        {
            case CloseTrigger.ClientFinThenOutputCompleted:
                await EndOfInputUnlessPausedAsync();
                await Output.CompleteAsync();
                break;
            case CloseTrigger.ClientFinThenAbort:
                await EndOfInputUnlessPausedAsync();
                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case CloseTrigger.OutputCompletedThenClientFin when before != ConnectionState.OutputPaused:
                await ReadClientAsync();
                _client.HalfClose();
                break;
            case CloseTrigger.OutputCompletedThenAbort:
                if (before != ConnectionState.OutputPaused)
                {
                    await _bare.Logs.FindTransportEventAsync(7).Within("the FIN");
                }

                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case CloseTrigger.AbortThenOutputCompletedWithError:
                await (_flushing ?? OutputEndAsync()).Within();
                await Output.CompleteAsync(new InvalidOperationException("Bad output."));
                break;
        }
    }

    private async Task AfterwardsAsync()
    {
        // A paused connection notices its client only when it reads again, and one whose reader is completed only at
        // the next byte. Without a trigger the connection continues.
        bool inputEnds = happening is not (CloseTrigger.InputCompleted or CloseTrigger.InputCompletedWithError
            or CloseTrigger.ReadCancelled or CloseTrigger.FlushCancelled or CloseTrigger.Disposed);
        bool outputHangs = before == ConnectionState.OutputPaused
            && happening is CloseTrigger.OutputCompleted or CloseTrigger.OutputCompletedWithError

            or CloseTrigger.BothCompleted
            or CloseTrigger.ClientFinThenOutputCompleted
            or CloseTrigger.OutputCompletedThenClientFin;
        bool unseen = before == ConnectionState.InputPaused
            && happening is CloseTrigger.ClientFin or CloseTrigger.ClientClose or CloseTrigger.ClientReset;
        if (inputEnds && !outputHangs && !unseen)
        {
            await EndOfInputAsync();
        }

        if (_reading is not null && (inputEnds || happening == CloseTrigger.ReadCancelled) && !outputHangs)
        {
            story.Add("reader", $"pending read: {await _reading}");
            await story.StepAsync(
                "reader", "next read", happening == CloseTrigger.ReadCancelled ? TryReadAsync : ReadAsync);
        }

        if (_flushing is not null && happening is CloseTrigger.Abort
                or CloseTrigger.FeatureAbort
                or CloseTrigger.ClientReset
                or CloseTrigger.FlushCancelled)
        {
            story.Add("writer", $"pending flush: {await _flushing!}");
        }

        if (happening is CloseTrigger.ClientFin or CloseTrigger.ReadCancelled or CloseTrigger.InputCompleted
            && before != ConnectionState.OutputPaused)
        {
            await story.StepAsync("writer", "write", WriteAsync);
        }

        if (!_clientGone && !outputHangs)
        {
            if (happening is CloseTrigger.Abort
                    or CloseTrigger.AbortWithoutReason
                    or CloseTrigger.FeatureAbort
                    or CloseTrigger.OutputCompletedWithError)
            {
                await ReadClientAsync();
            }
        }

        Task disposal = _connection.DisposeAsync().AsTask();
        if (!_clientGone)
        {
            await ReadClientAsync();
        }

        await story.StepAsync("owner", "disposal", () => disposal);
        story.Add("owner", $"token: {_connection.ConnectionClosed.IsCancellationRequested}");
        await story.StepAsync("owner", "read after disposal", ReadAsync);
        await story.StepAsync("owner", "flush after disposal", async () => Describe(await Output.FlushAsync()));
        story.Step("owner", "memory after disposal", () => Output.GetMemory(1).IsEmpty ? "empty" : "memory");
    }

    private async Task OutputEndAsync()
    {
        while (!(await Output.FlushAsync()).IsCompleted)
        {
            await Task.Yield();
        }
    }

    private Task EndOfInputUnlessPausedAsync()
        => before == ConnectionState.InputPaused ? Task.CompletedTask : EndOfInputAsync();

    private async Task EndOfInputAsync()
    {
        var closed = new Signal();
        using CancellationTokenRegistration registration = _connection.ConnectionClosed.Register(closed.Set);
        await closed.Task.Within("ConnectionClosed");
    }

    private Task ReadClientAsync()
    {
        return story.StepAsync("client", "read to end", async () =>
        {
            byte[] bytes = await _client.ReadToEndAsync();
            return before == ConnectionState.OutputPaused ? "FIN" : $"'{Encoding.ASCII.GetString(bytes)}' FIN";
        });
    }

    private async Task<string> ReadAsync()
    {
        ReadResult result = await Input.ReadAsync();
        string text = $"{(before == ConnectionState.InputPaused ? "" : result.Buffer.Length)} "
            + $"completed={result.IsCompleted} cancelled={result.IsCanceled}";
        Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        return text;
    }

    private Task<string> TryReadAsync()
    {
        bool read = Input.TryRead(out ReadResult result);
        string text = $"{read} {(read ? result.Buffer.Length : 0)}";
        if (read)
        {
            Input.AdvanceTo(result.Buffer.Start);
        }

        return Task.FromResult(text);
    }

    private async Task<string> WriteAsync() => Describe(await Output.WriteAsync(Encoding.ASCII.GetBytes("bye")));

    private static string Describe(FlushResult result)
        => $"completed={result.IsCompleted} cancelled={result.IsCanceled}";

    private async Task ConsumeAsync(int count)
    {
        ReadResult result = await Input.ReadAtLeastAsync(count).Within();
        Input.AdvanceTo(result.Buffer.GetPosition(count));
    }

    private async Task SeeAsync(int count)
    {
        ReadResult result = await Input.ReadAtLeastAsync(count).Within();
        Input.AdvanceTo(result.Buffer.Start);
    }
}
