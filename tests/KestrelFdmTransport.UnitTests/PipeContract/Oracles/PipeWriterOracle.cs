using System;
using System.Buffers;
using System.IO;
using System.IO.Pipelines;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// The writer end of a real pipe, with everything inline so that a sequence has one possible outcome.
/// </summary>
internal sealed class PipeWriterOracle : IWriterSubject
{
    private readonly FixedBlockPool _pool = new();
    private readonly Pipe _pipe;

    public PipeWriterOracle(int pauseThreshold, Func<PipeWriter, PipeWriter>? wrap = null)
    {
        _pipe = TransportPipe.Create(_pool, pauseThreshold, PipeScheduler.Inline, PipeScheduler.Inline);
        Writer = wrap is null ? _pipe.Writer : wrap(_pipe.Writer);
    }

    public PipeWriter Writer { get; }

    public bool ExactBackPressure => true;

    public int Slack => 0;

    public bool SinkSeesEnd => true;

    public TimeSpan Patience => TimeSpan.Zero;

    public int Drain(Span<byte> destination)
    {
        try
        {
            if (!_pipe.Reader.TryRead(out ReadResult result))
            {
                return 0;
            }

            ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(destination.Length, result.Buffer.Length));
            taken.CopyTo(destination);
            int count = (int)taken.Length;
            _pipe.Reader.AdvanceTo(taken.End);
            return count;
        }
        catch (IOException)
        {
            // The writer was completed with this exception: the bytes before it are lost to the sink.
            return 0;
        }
    }

    public void EndOfOutput(Exception? error) => _pipe.Reader.Complete(error);

    public ValueTask DisposeAsync()
    {
        _pipe.Writer.Complete();
        _pipe.Reader.Complete();
        return _pool.Outstanding == 0
            ? ValueTask.CompletedTask
            : ValueTask.FromException(new InvalidOperationException($"The pipe kept {_pool.Outstanding} blocks."));
    }
}
