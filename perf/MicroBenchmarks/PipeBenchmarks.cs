using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks;
using BenchmarkDotNet.Attributes;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.MicroBenchmarks.Support;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.TestUtilities;
using Microsoft.Extensions.Logging.Abstractions;

namespace KestrelFdmTransport.MicroBenchmarks;

/// <summary>One token through a <see cref="Pipe"/>, our reader and our writer; no system call in any of them.</summary>
[MemoryDiagnoser]
public class PipeBenchmarks
{
    private const int PauseThreshold = 1024 * 1024;

    private byte[] _payload = [];
    private Pipe _pipe = null!;
    private EventLoopGroup _group = null!;
    private ConnectionIo _io = null!;
    private int _near;
    private int _far;
    private Action<object?> _writeAndSend = null!;

    /// <summary>
    /// The largest is what may still wait for the end of a callback; one byte more would be sent at once.
    /// </summary>
    [Params(64, 4096, (64 * 1024) - 1)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _payload = new byte[Bytes];
        var pool = new BlockPool();
        _pipe = new Pipe(new PipeOptions(
            pool,
            PipeScheduler.Inline,
            PipeScheduler.Inline,
            PauseThreshold,
            PauseThreshold / 2,
            useSynchronizationContext: false));

        // Not registered with the loop: the benchmark takes the loop's part.
        _group = new EventLoopGroup(new EventLoopSettings { LoopCount = 1 }, NullLogger.Instance);
        EventLoop loop = _group.AddUser()[0];
        (_near, _far) = StreamPair.Create();
        var settings = new ConnectionSettings
        {
            Endpoint = new EndpointProfile(ApplicationScheduling.Inline),
            FinOnError = false,
            ReadPauseThreshold = PauseThreshold,
            WritePauseThreshold = PauseThreshold,
            Logger = NullLogger.Instance,
        };
        _io = new ConnectionIo(_near, isUnix: true, new EndpointBuffers(pool, NullLogger.Instance), settings)
        {
            Loop = loop
        };
        _writeAndSend = _ => WriteAndSend();
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _group.Dispose();
        Sys.Close(_near);
        Sys.Close(_far);
    }

    /// <summary>Written, flushed, read and consumed.</summary>
    [Benchmark(Baseline = true)]
    public long Pipe()
    {
        _pipe.Writer.Write(_payload);
        Complete(_pipe.Writer.FlushAsync());
        return ReadAll(_pipe.Reader);
    }

    /// <summary>Received by the loop, read and consumed.</summary>
    [Benchmark]
    public long FdmReader()
    {
        FdmPipeReader reader = _io.Reader;
        ReadOnlySpan<byte> left = _payload;
        while (!left.IsEmpty)
        {
            if (!reader.TryBeginReceive(out Span<byte> space))
            {
                throw new InvalidOperationException("There is no block.");
            }

            int count = Math.Min(space.Length, left.Length);
            left[..count].CopyTo(space);
            reader.EndReceive(count);
            left = left[count..];
        }

        reader.Notify();
        return ReadAll(reader);
    }

    /// <summary>Written, flushed, deferred and taken as sent by the loop; a callback scope is around it.</summary>
    [Benchmark]
    public void FdmWriter() => LoopThread.Run(_io, _writeAndSend, state: null, context: null);

    private static void Complete(ValueTask<FlushResult> flush)
    {
        if (!flush.IsCompletedSuccessfully)
        {
            throw new InvalidOperationException("The flush waits.");
        }

        _ = flush.GetAwaiter().GetResult();
    }

    private static long ReadAll(PipeReader reader)
    {
        if (!reader.TryRead(out ReadResult result))
        {
            throw new InvalidOperationException("There is nothing to read.");
        }

        long length = result.Buffer.Length;
        reader.AdvanceTo(result.Buffer.End);
        return length;
    }

    private void WriteAndSend()
    {
        FdmPipeWriter writer = _io.Writer;
        writer.Write(_payload);
        Complete(writer.FlushAsync());
        if (writer.TakeFlushed())
        {
            writer.DiscardUnsent();
        }

        if (writer.TakeSent() is { } sent)
        {
            writer.ReturnChain(sent);
        }
    }
}
