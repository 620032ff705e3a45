using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A pipe that is emptied as into a socket: a task of its own moves the bytes into a buffer of limited size, and
/// continuations run on the thread pool. It shows that a duel with an inexact subject raises no false alarm.
/// </summary>
internal sealed class SocketLikeWriter : IWriterSubject
{
    private const int Capacity = 10_000;

    private readonly FixedBlockPool _pool = new();
    private readonly Queue<byte> _kernel = new(Capacity);
    private readonly SemaphoreSlim _room = new(0);
    private readonly object _gate = new();
    private readonly Pipe _pipe;
    private readonly Task _sender;
    private bool _stopped;

    public SocketLikeWriter(int pauseThreshold, Func<PipeWriter, PipeWriter>? wrap = null)
    {
        _pipe = TransportPipe.Create(_pool, pauseThreshold, PipeScheduler.ThreadPool, PipeScheduler.ThreadPool);
        Writer = wrap is null ? _pipe.Writer : wrap(_pipe.Writer);
        _sender = Task.Run(SendAsync);
    }

    public PipeWriter Writer { get; }

    public bool ExactBackPressure => false;

    public int Slack => Capacity;

    public bool SinkSeesEnd => true;

    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    public int Drain(Span<byte> destination)
    {
        lock (_gate)
        {
            int count = 0;
            while (count < destination.Length)
            {
                if (_kernel.TryDequeue(out destination[count]))
                {
                    count++;
                    continue;
                }

                _room.Release();
                if (_stopped || !Monitor.Wait(_gate, Patience))
                {
                    break;
                }
            }

            _room.Release();
            return count;
        }
    }

    public void EndOfOutput(Exception? error)
    {
        lock (_gate)
        {
            _stopped = true;
            _pipe.Reader.Complete(error);
        }

        _pipe.Reader.CancelPendingRead();
        _room.Release();
    }

    public async ValueTask DisposeAsync()
    {
        await _pipe.Writer.CompleteAsync();
        EndOfOutput(null);
        await _sender;
        _room.Dispose();
    }

    private async Task SendAsync()
    {
        try
        {
            while (Send(await _pipe.Reader.ReadAsync()) is { } sentAll)
            {
                if (!sentAll)
                {
                    await _room.WaitAsync();
                }
            }
        }
        catch (Exception)
        {
            // The writer was completed with this exception, or the reader was completed before this read.
            lock (_gate)
            {
                _stopped = true;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Has everything been sent? Null if that was the end.</summary>
    private bool? Send(ReadResult result)
    {
        lock (_gate)
        {
            if (_stopped)
            {
                return null;
            }

            ReadOnlySequence<byte> bytes =
                result.Buffer.Slice(0, Math.Min(result.Buffer.Length, Capacity - _kernel.Count));
            foreach (ReadOnlyMemory<byte> memory in bytes)
            {
                foreach (byte value in memory.Span)
                {
                    _kernel.Enqueue(value);
                }
            }

            bool sentAll = bytes.Length == result.Buffer.Length;
            _pipe.Reader.AdvanceTo(bytes.End);
            _stopped = sentAll && result.IsCompleted;
            Monitor.PulseAll(_gate);
            return _stopped ? null : sentAll;
        }
    }
}
