using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.EventLoops;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>A connection on one end of a socket pair, the test on the other.</summary>
internal sealed class TestConnection : IDisposable
{
    private readonly EventLoop _loop;
    private readonly int _descriptor;
    private bool _started;

    public TestConnection(EventLoop loop, MemoryPool<byte> pool, bool inline = false, int pauseThreshold = 64 * 1024)
    {
        _loop = loop;
        (_descriptor, int peer) = StreamPair.Create();
        Peer = new SafeFileDescriptor(peer);
        var settings = new ConnectionSettings
        {
            Endpoint = new EndpointProfile(inline ? ApplicationScheduling.Inline : ApplicationScheduling.ThreadPool),
            FinOnError = false,
            ReadPauseThreshold = pauseThreshold,
            WritePauseThreshold = pauseThreshold,
            Logger = NullLogger.Instance,
        };
        var buffers = new EndpointBuffers(pool, NullLogger.Instance);
        Io = new ConnectionIo(_descriptor, isUnix: true, buffers, settings) { Loop = loop };
        Connection = new FdmConnection(Io, new(default), default);
        loop.OnConnectionOpened();
    }

    public ConnectionIo Io { get; }

    public FdmConnection Connection { get; }

    public FdmPipeReader Reader => Io.Reader;

    public FdmPipeWriter Writer => Io.Writer;

    public IDuplexPipe Transport => Connection.Transport;

    public SafeFileDescriptor Peer { get; }

    /// <summary>The connection's own end, for as long as it is not started.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Without this the loop knows nothing of the connection, and the test takes the loop's part.</summary>
    public void Start()
    {
        LoopFixture.RunOn(_loop, () => Assert.Equal(0, Io.Start()));
        _started = true;
    }

    /// <summary>For a test that takes the loop's part.</summary>
    public Span<byte> BeginReceive()
    {
        Assert.True(Reader.TryBeginReceive(out Span<byte> space));
        return space;
    }

    public Task EndAsync() => Connection.DisposeAsync().AsTask().Within("the end of the connection");

    /// <summary>Writes and flushes, which must not have to wait.</summary>
    public void WriteNow(ReadOnlyMemory<byte> bytes)
    {
        Task<FlushResult> flush = Writer.WriteAsync(bytes).AsTask();
        Assert.True(flush.IsCompletedSuccessfully);
    }

    /// <summary>What has arrived at the peer by now.</summary>
    public byte[] TakeArrived()
    {
        var arrived = new List<byte>();
        byte[] buffer = new byte[4096];
        int count;
        while ((count = Sys.Receive(Peer.Value, buffer)) > 0)
        {
            arrived.AddRange(buffer.AsSpan(0, count));
        }

        return [.. arrived];
    }

    public void Dispose()
    {
        Peer.Dispose();
        if (!_started)
        {
            // By the loop, which waits for a sender: a late one must not meet another file under the number.
            Io.Post(LoopCommand.Close);
            LoopFixture.RunOn(_loop, static () => { });
            LoopFixture.RunOn(_loop, static () => { });
        }
    }
}
