using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.IO.Pipelines;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A pipe that is fed as from a socket: the bytes become visible in pieces, nothing is taken in while the pipe is
/// paused, and continuations run on the thread pool. It shows that a duel with an inexact subject raises no false
/// alarm.
/// </summary>
internal sealed class SocketLikeReader : IReaderSubject
{
    private const int MaxPiece = 1448;

    private readonly FixedBlockPool _pool = new();
    private readonly Queue<byte[]> _kernel = new();
    private readonly Random _random = new(1);
    private readonly Pipe _pipe;
    private readonly bool _resumes;
    private Task _lastFlush = Task.CompletedTask;
    private bool _endIsBehind;

    public SocketLikeReader(int pauseThreshold, bool resumes = true)
    {
        _pipe = TransportPipe.Create(_pool, pauseThreshold, PipeScheduler.ThreadPool, PipeScheduler.Inline);
        _resumes = resumes;
    }

    public PipeReader Reader => _pipe.Reader;

    public bool ExactBackPressure => false;

    public int ReadAheadSlack => MaxPiece;

    public PipeQuirks Quirks => PipeQuirks.All;

    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int piece = Math.Min(bytes.Length, _random.Next(1, MaxPiece + 1));
            _kernel.Enqueue(bytes[..piece].ToArray());
            bytes = bytes[piece..];
        }

        Receive();
    }

    public void Settle()
    {
        if (_resumes)
        {
            Receive();
        }
    }

    public void EndOfInput(Exception? error)
    {
        _endIsBehind = error is null && _kernel.Count > 0;
        if (!_endIsBehind)
        {
            _pipe.Writer.Complete(error);
        }
    }

    public ValueTask DisposeAsync()
    {
        _pipe.Writer.Complete();
        _pipe.Reader.Complete();
        return ValueTask.CompletedTask;
    }

    [SuppressMessage("Reliability", "CA2012", Justification = "The flush becomes a task at once.")]
    private void Receive()
    {
        try
        {
            while (_lastFlush.IsCompleted && _kernel.TryDequeue(out byte[]? piece))
            {
                _lastFlush = _pipe.Writer.WriteAsync(piece).AsTask();
            }
        }
        catch (IOException)
        {
            // The reader was completed with this exception: it refuses the bytes.
            _kernel.Clear();
        }

        if (_endIsBehind && _kernel.Count == 0)
        {
            _endIsBehind = false;
            _pipe.Writer.Complete();
        }
    }
}
