using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>
/// Ends a connection whose reader and writer both wait, and which go on afterwards for as long as they succeed, until
/// the token fires.
/// </summary>
internal sealed class EndOrderScenario(BareTransport bare, Ending ending)
{
    /// <summary>A flush that went on because there was room.</summary>
    public const string FlushWithRoom = "flush: completed=False cancelled=False";

    public const string FlushAtEnd = "flush: completed=True cancelled=False";
    public const string IdleLog = "log: 39 8 | token | ";

    private const int Chunk = 1024;

    private readonly Signal _token = new();
    private readonly Signal _readerWaits = new();
    private readonly List<string> _lines = [];
    private RawClient _client = null!;
    private ConnectionContext _connection = null!;
    private Task? _disposal;
    private bool _flushWaits;
    private int _flushed;
    private int _seen = -1;
    private int _still;
    private int _settled = -1;
    private bool _isFlushAfterToken;
    private int _reads;
    private int _flushes;

    private PipeReader Input => _connection.Transport.Input;

    private PipeWriter Output => _connection.Transport.Output;

    private bool HasFired => _connection.ConnectionClosed.IsCancellationRequested;

    private bool IsTheOneThatWaited => _flushed == Volatile.Read(ref _settled);

    private bool ReaderEnds => ending
        is not (Ending.InputCompleted or Ending.InputCompletedWithError or Ending.BothCompleted or Ending.Disposed);

    private bool WriterEnds
        => ending is not (Ending.ClientFin or Ending.InputCompleted or Ending.InputCompletedWithError);

    public async Task<EndOrder> RunAsync()
    {
        (_client, _connection) = await bare.ConnectAsync(receiveBufferSize: 16 * 1024);
        using RawClient client = _client;
        int logged = 0;
        using CancellationTokenRegistration registration = _connection.ConnectionClosed.Register(() =>
        {
            // Before any callback of the token has run.
            logged = bare.Logs.Entries.Count;
            _token.Set();
        });
        Task reading = ReadOnAsync();
        Task writing = Task.Run(WriteOnAsync);
        await _readerWaits.Task.Within("a read that waits");
        await Eventually.UntilAsync(WaitsStill);
        Volatile.Write(ref _settled, _seen);

        await EndAsync();

        await _token.Task.Within("ConnectionClosed");
        if (WriterEnds)
        {
            await writing.Within("the end of the flush");
        }
        else
        {
            Add($"flush waits on when the token has fired: {!writing.IsCompleted}");
        }

        if (ReaderEnds)
        {
            await reading.Within("the end of the read");
        }

        if (!WriterEnds)
        {
            AddLog(logged);
            client.Reset();
        }

        await (_disposal ?? _connection.DisposeAsync().AsTask()).Within("the disposal");
        await writing.Within("the end of the flush");
        if (WriterEnds)
        {
            AddLog(logged);
        }

        lock (_lines)
        {
            return new EndOrder([.. _lines], _reads, _flushes, _isFlushAfterToken);
        }
    }

    private async Task EndAsync()
    {
        switch (ending)
        {
            case Ending.Abort:
                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
            case Ending.AbortWithoutReason:
                _connection.Abort(null!);
                break;
            case Ending.FeatureAbort:
                _connection.Features.Get<IConnectionLifetimeFeature>()!.Abort();
                break;
            case Ending.ClientFin:
                _client.HalfClose();
                break;
            case Ending.ClientReset:
                _client.Reset();
                break;
            case Ending.OutputCompleted:
                await Output.CompleteAsync();
                await DrainAsync();
                break;
            case Ending.OutputCompletedWithError:
                await Output.CompleteAsync(new InvalidOperationException("Bad output."));
                await DrainAsync();
                break;
            case Ending.InputCompleted:
                await Input.CompleteAsync();
                await _client.SendAsync("x");
                break;
            case Ending.InputCompletedWithError:
                await Input.CompleteAsync(new InvalidOperationException("Bad input."));
                await _client.SendAsync("x");
                break;
            case Ending.BothCompleted:
                await Input.CompleteAsync();
                await Output.CompleteAsync();
                await DrainAsync();
                break;
            case Ending.Disposed:
                _disposal = _connection.DisposeAsync().AsTask();
                await DrainAsync();
                break;
            case Ending.SendError:
                _connection.Features.Get<IConnectionSocketFeature>()!.Socket.Shutdown(SocketShutdown.Send);
                break;
            case Ending.IdleTimeout:
                if (!Transports.TrySetIdleTimeout(_connection, TimeSpan.FromMilliseconds(100)))
                {
                    _connection.Abort(new ConnectionAbortedException("Enough."));
                }

                break;
            case Ending.ListenerDisposedThenAbort:
                await bare.Listener.DisposeAsync().Within("the disposal of the listener");
                Add($"without the listener the token has fired: {HasFired}; the flush waits on: {WaitsStill()}");
                _connection.Abort(new ConnectionAbortedException("Enough."));
                break;
        }
    }

    /// <summary>Takes everything to the end, whichever that is.</summary>
    private async Task DrainAsync()
    {
        try
        {
            await _client.ReadToEndAsync();
        }
        catch (SocketException)
        {
            // A reset is for the endings' own tests.
        }
    }

    private async Task ReadOnAsync()
    {
        string outcome;
        try
        {
            while (true)
            {
                ValueTask<ReadResult> reading = Input.ReadAsync();
                _readerWaits.Set();
                ReadResult result = await reading;
                Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted || result.IsCanceled)
                {
                    outcome = $"completed={result.IsCompleted} cancelled={result.IsCanceled}";
                    break;
                }

                _reads++;
            }
        }
        catch (Exception exception)
        {
            outcome = exception.GetType().Name;
        }

        if (ReaderEnds)
        {
            Add($"read: {outcome}");
        }
    }

    /// <summary>Keeps writing regardless of the flush's result, as Kestrel does.</summary>
    private async Task WriteOnAsync()
    {
        byte[] bytes = new byte[Chunk];
        string? outcome = null;
        try
        {
            bool fired;
            do
            {
                ValueTask<FlushResult> flushing = Output.WriteAsync(bytes);
                Volatile.Write(ref _flushWaits, !flushing.IsCompleted);
                FlushResult result = await flushing;
                Volatile.Write(ref _flushWaits, false);
                fired = HasFired;
                if (IsTheOneThatWaited)
                {
                    outcome = $"completed={result.IsCompleted} cancelled={result.IsCanceled}";
                    _isFlushAfterToken = fired;
                }

                _flushed++;
            }
            while (!fired);
        }
        catch (Exception exception)
        {
            if (IsTheOneThatWaited)
            {
                outcome = exception.GetType().Name;
                _isFlushAfterToken = HasFired;
            }
        }

        _flushes = _flushed - _settled;
        Add(outcome is null ? FlushWithRoom : $"flush: {outcome}");
    }

    /// <summary>
    /// Three looks at the same flush that waits: one that only lets others run first goes on meanwhile.
    /// </summary>
    private bool WaitsStill()
    {
        int now = Volatile.Read(ref _flushed);
        _still = now == _seen && Volatile.Read(ref _flushWaits) ? _still + 1 : 0;
        _seen = now;
        return _still >= 2;
    }

    private void AddLog(int logged)
    {
        string id = _connection.ConnectionId;
        IEnumerable<(int Id, bool IsBefore)> events = bare.Logs.Entries
            .Select((entry, index) => (entry, index))
            .Where(item => item.entry.IsFromTransport && item.entry.Message.Contains(id, StringComparison.Ordinal))
            .Select(item => (item.entry.Id.Id, item.index < logged));
        string before = string.Join(' ', events.Where(item => item.IsBefore).Select(item => item.Id));
        string after = string.Join(' ', events.Where(item => !item.IsBefore).Select(item => item.Id));
        Add($"log: {before} | token | {after}");
    }

    private void Add(string line)
    {
        lock (_lines)
        {
            _lines.Add(line);
        }
    }
}
