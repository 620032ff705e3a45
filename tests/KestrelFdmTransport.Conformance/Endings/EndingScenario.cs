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

namespace KestrelFdmTransport.Conformance.Endings;

/// <summary>Brings a connection into a state, lets something happen, and writes down what everybody sees until it is disposed of.</summary>
[SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The client is disposed by the scenario.")]
internal sealed class EndingScenario(Transcript story, Before before, Happening happening)
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
            case Before.Idle:
                break;
            case Before.Received:
                await _client.SendAsync("hello");
                await ConsumeAsync(5);
                break;
            case Before.Unread:
                await _client.SendAsync("hello");
                await SeeAsync(5);
                return;
            case Before.Answered:
                await _client.SendAsync("hello");
                await ConsumeAsync(5);
                await Output.WriteAsync(Encoding.ASCII.GetBytes("welcome")).Within();
                await _client.ReadTextAsync(7);
                break;
            case Before.InputPaused:
                await _client.SendAsync(new byte[Flood]);
                await _bare.Logs.FindTransportEventAsync(4).Within("the pause of receiving");
                return;
            case Before.OutputPaused:
                _flushing = Observe.OutcomeAsync(async () => Describe(await Output.WriteAsync(new byte[MoreThanTheKernelTakes])));
                break;
        }

        _reading = Observe.OutcomeAsync(ReadAsync);
    }

    private async Task HappenAsync()
    {
        switch (happening)
        {
            case Happening.ClientFin:
            case Happening.ClientFinThenOutputCompleted:
            case Happening.ClientFinThenAbort:
                _client.HalfClose();
                break;
            case Happening.ClientClose:
                _clientGone = true;
                _client.Dispose();
                break;
            case Happening.ClientReset:
                _clientGone = true;
                _client.Reset();
                break;
            case Happening.Abort:
            case Happening.AbortThenOutputCompletedWithError:
                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case Happening.AbortWithoutReason:
                _connection.Abort(null!);
                break;
            case Happening.FeatureAbort:
                _connection.Features.Get<IConnectionLifetimeFeature>()!.Abort();
                break;
            case Happening.OutputCompleted:
            case Happening.OutputCompletedThenAbort:
            case Happening.OutputCompletedThenClientFin:
                await Output.CompleteAsync();
                break;
            case Happening.OutputCompletedWithError:
                await Output.CompleteAsync(new InvalidOperationException("Bad output."));
                break;
            case Happening.InputCompleted:
                await Input.CompleteAsync();
                break;
            case Happening.InputCompletedWithError:
                await Input.CompleteAsync(new InvalidOperationException("Bad input."));
                break;
            case Happening.BothCompleted:
                await Input.CompleteAsync();
                await Output.CompleteAsync();
                break;
            case Happening.Disposed:
                break;
            case Happening.ReadCancelled:
                Input.CancelPendingRead();
                break;
            case Happening.FlushCancelled:
                Output.CancelPendingFlush();
                break;
        }

        await HappenNextAsync();
    }

    private async Task HappenNextAsync()
    {
        switch (happening)
        {
            case Happening.ClientFinThenOutputCompleted:
                await EndOfInputUnlessPausedAsync();
                await Output.CompleteAsync();
                break;
            case Happening.ClientFinThenAbort:
                await EndOfInputUnlessPausedAsync();
                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case Happening.OutputCompletedThenClientFin when before != Before.OutputPaused:
                await ReadClientAsync();
                _client.HalfClose();
                break;
            case Happening.OutputCompletedThenAbort:
                if (before != Before.OutputPaused)
                {
                    await _bare.Logs.FindTransportEventAsync(7).Within("the FIN");
                }

                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case Happening.AbortThenOutputCompletedWithError:
                await (_flushing ?? OutputEndAsync()).Within();
                await Output.CompleteAsync(new InvalidOperationException("Bad output."));
                break;
        }
    }

    private async Task AfterwardsAsync()
    {
        // A paused connection does not notice what its client does until it reads again, and one whose reader is completed not
        // before the next byte; one that was told nothing goes on.
        bool inputEnds = happening is not (Happening.InputCompleted or Happening.InputCompletedWithError
            or Happening.ReadCancelled or Happening.FlushCancelled or Happening.Disposed);
        bool outputHangs = before == Before.OutputPaused && happening is Happening.OutputCompleted or Happening.OutputCompletedWithError
            or Happening.BothCompleted or Happening.ClientFinThenOutputCompleted or Happening.OutputCompletedThenClientFin;
        bool unseen = before == Before.InputPaused && happening is Happening.ClientFin or Happening.ClientClose or Happening.ClientReset;
        if (inputEnds && !outputHangs && !unseen)
        {
            await EndOfInputAsync();
        }

        if (_reading is not null && (inputEnds || happening == Happening.ReadCancelled) && !outputHangs)
        {
            story.Add("reader", $"pending read: {await _reading}");
            await story.StepAsync("reader", "next read", happening == Happening.ReadCancelled ? TryReadAsync : ReadAsync);
        }

        if (_flushing is not null && happening is Happening.Abort or Happening.FeatureAbort or Happening.ClientReset or Happening.FlushCancelled)
        {
            story.Add("writer", $"pending flush: {await _flushing!}");
        }

        if (happening is Happening.ClientFin or Happening.ReadCancelled or Happening.InputCompleted && before != Before.OutputPaused)
        {
            await story.StepAsync("writer", "write", WriteAsync);
        }

        if (!_clientGone && !outputHangs)
        {
            if (happening is Happening.Abort or Happening.AbortWithoutReason or Happening.FeatureAbort or Happening.OutputCompletedWithError)
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

    private Task EndOfInputUnlessPausedAsync() => before == Before.InputPaused ? Task.CompletedTask : EndOfInputAsync();

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
            return before == Before.OutputPaused ? "FIN" : $"'{Encoding.ASCII.GetString(bytes)}' FIN";
        });
    }

    private async Task<string> ReadAsync()
    {
        ReadResult result = await Input.ReadAsync();
        string text = $"{(before == Before.InputPaused ? "" : result.Buffer.Length)} completed={result.IsCompleted} cancelled={result.IsCanceled}";
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

    private static string Describe(FlushResult result) => $"completed={result.IsCompleted} cancelled={result.IsCanceled}";

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
