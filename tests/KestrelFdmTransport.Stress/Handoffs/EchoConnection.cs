using System;
using System.Buffers;
using System.IO;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>The server's side of an <see cref="EchoClient"/>.</summary>
internal sealed class EchoConnection(TransportLifetime round, ConnectionContext connection)
{
    private const int OneIn = 3;

    private readonly Random _random = new();
    private int _tag;
    private int _total = -1;
    private int _abortAt = int.MaxValue;
    private PlannedClose _fate;
    private int _position;

    internal async Task RunAsync()
    {
        round.Figures.Opened();
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.ConnectionClosed.Register(static state => ((TaskCompletionSource)state!).SetResult(), closed);
        try
        {
            await EchoAsync();
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            ReportUnlessBroken(exception.ToString());
        }

        await connection.DisposeAsync();
        await closed.Task;
        round.Figures.Ended();
    }

    private async Task EchoAsync()
    {
        PipeReader input = connection.Transport.Input;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            ReadOnlySequence<byte> buffer = result.Buffer;
            StallInjection.Run(OneIn);
            if (_total < 0 && buffer.Length >= EchoClient.HeaderLength)
            {
                buffer = ReadHeader(buffer);
            }

            SequencePosition consumed = buffer.Start;
            if (_total >= 0)
            {
                // Now and then a part is left for the next read.
                long taken = _random.Next(8) == 0 ? buffer.Length / 2 : buffer.Length;
                ReadOnlySequence<byte> part = buffer.Slice(0, taken);
                consumed = part.End;
                if (!await WriteAsync(part))
                {
                    ReportUnlessBroken("a flush said that the output has ended");
                    return;
                }

                StallInjection.Run(OneIn);
            }

            bool all = buffer.Slice(consumed).IsEmpty;
            input.AdvanceTo(consumed, _total < 0 ? buffer.End : consumed);
            if (result.IsCompleted && (all || _total < 0))
            {
                break;
            }
        }

        StallInjection.Run(OneIn);
        if (_position != _total)
        {
            ReportUnlessBroken($"{_position} of {_total} bytes came");
        }

        await connection.Transport.Output.CompleteAsync();
        StallInjection.Run(OneIn);
        await input.CompleteAsync();
    }

    private ReadOnlySequence<byte> ReadHeader(ReadOnlySequence<byte> buffer)
    {
        var reader = new SequenceReader<byte>(buffer);
        reader.TryReadLittleEndian(out _tag);
        reader.TryReadLittleEndian(out _total);
        reader.TryReadLittleEndian(out int fate);
        _fate = (PlannedClose)fate;
        if (_fate == PlannedClose.ServerAborts)
        {
            _abortAt = _random.Next(_total + 1);
        }

        return buffer.Slice(reader.Position);
    }

    /// <summary>False if the output has ended.</summary>
    private async ValueTask<bool> WriteAsync(ReadOnlySequence<byte> part)
    {
        PipeWriter output = connection.Transport.Output;
        foreach (ReadOnlyMemory<byte> segment in part)
        {
            if (!TaggedStream.IsAt(segment.Span, _tag, _position))
            {
                round.Figures.Report(
                    $"Connection {_tag}: the server has received wrong bytes between {_position} and "
                        + $"{_position + segment.Length}.");
            }

            _position += segment.Length;
            if (_position >= _abortAt)
            {
                AbortElsewhere();
            }

            output.Write(segment.Span);
            StallInjection.Run(OneIn);
            if (_random.Next(3) == 0 && (await output.FlushAsync()).IsCompleted)
            {
                return false;
            }
        }

        bool completed = (await output.FlushAsync()).IsCompleted;
        StallInjection.Run(OneIn);
        return !completed;
    }

    private void AbortElsewhere()
    {
        _abortAt = int.MaxValue;
        round.Figures.CountAbort();
        ThreadPool.UnsafeQueueUserWorkItem(
            static connection =>
            {
                StallInjection.Run(OneIn);
                connection.Abort(new ConnectionAbortedException("The stress wants it."));
            },
            connection,
            preferLocal: false);
    }

    private void ReportUnlessBroken(string problem)
    {
        if (_fate == PlannedClose.Completes && _total >= 0 && !round.IsBreaking)
        {
            round.Figures.Report($"Connection {_tag} broke on the server: {problem}");
        }
    }
}
