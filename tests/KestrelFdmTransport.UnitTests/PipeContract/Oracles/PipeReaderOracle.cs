using System;
using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.IO.Pipelines;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// The reader end of a real pipe, with everything inline so that a sequence has one possible outcome.
/// </summary>
internal sealed class PipeReaderOracle : IReaderSubject
{
    private readonly FixedBlockPool _pool = new();
    private readonly Pipe _pipe;

    public PipeReaderOracle(int pauseThreshold, Func<PipeReader, PipeReader>? wrap = null)
    {
        _pipe = TransportPipe.Create(_pool, pauseThreshold, PipeScheduler.Inline, PipeScheduler.Inline);
        Reader = wrap is null ? _pipe.Reader : wrap(_pipe.Reader);
    }

    public PipeReader Reader { get; }

    public bool ExactBackPressure => true;

    public int ReadAheadSlack => 0;

    public PipeQuirks Quirks { get; init; } = PipeQuirks.All;

    public TimeSpan Patience => TimeSpan.Zero;

    [SuppressMessage("Reliability", "CA2012", Justification = "A paused pipe still takes and shows what is written.")]
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        _pipe.Writer.Write(bytes);
        try
        {
            _ = _pipe.Writer.FlushAsync();
        }
        catch (IOException)
        {
            // The reader was completed with this exception: it refuses the bytes.
        }
    }

    public void Settle()
    {
    }

    public void EndOfInput(Exception? error) => _pipe.Writer.Complete(error);

    public ValueTask DisposeAsync()
    {
        _pipe.Writer.Complete();
        _pipe.Reader.Complete();
        return _pool.Outstanding == 0
            ? ValueTask.CompletedTask
            : ValueTask.FromException(new InvalidOperationException($"The pipe kept {_pool.Outstanding} blocks."));
    }
}
