using System;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// A connection of the transport on one end of a socket pair, on a real loop; the test has the other end.
/// </summary>
internal sealed class FdmLink : IAsyncDisposable
{
    private const int SocketBuffer = 16 * 1024;

    private static readonly EventLoopGroup s_loops = new(new EventLoopSettings { LoopCount = 1 }, NullLogger.Instance);
    private static readonly EventLoop s_loop = s_loops.AddUser()[0];

    private readonly FixedBlockPool _pool = new();
    private readonly FdmConnection _connection;
    private int _peer;

    public FdmLink(int pauseThreshold, bool runsInline)
    {
        (int ours, _peer) = StreamPair.Create();
        Shrink(ours);
        Shrink(_peer);
        var settings = new ConnectionSettings
        {
            Endpoint = new EndpointProfile(
                runsInline ? ApplicationScheduling.Inline : ApplicationScheduling.ThreadPool),
            FinOnError = false,
            ReadPauseThreshold = pauseThreshold,
            WritePauseThreshold = pauseThreshold,
            Logger = NullLogger.Instance,
        };
        Io = new ConnectionIo(ours, isUnix: true, new EndpointBuffers(_pool, NullLogger.Instance), settings)
        {
            Loop = s_loop
        };
        _connection = new FdmConnection(Io, new(default), default);
        s_loop.OnConnectionOpened();
        Io.Post(LoopCommand.Register);
    }

    public static TimeSpan Patience => TimeSpan.FromSeconds(10);

    /// <summary>Twice the size asked for is what the kernel takes, and its bookkeeping rounds up.</summary>
    public static int Slack => 8 * SocketBuffer;

    public ConnectionIo Io { get; }

    public int Peer => _peer;

    public static void WaitUntil(Func<bool> condition)
    {
        long started = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, "The connection did not get there.");
            spin.SpinOnce(sleep1Threshold: 100);
        }
    }

    public void ClosePeer()
    {
        if (_peer >= 0)
        {
            Sys.Close(_peer);
            _peer = -1;
        }
    }

    public async ValueTask DisposeAsync()
    {
        ClosePeer();
        await _connection.DisposeAsync().AsTask().Within("the end of the connection");
        Assert.Equal(0, _pool.Outstanding);
    }

    private static void Shrink(int descriptor)
    {
        using var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: false));
        socket.SendBufferSize = SocketBuffer;
    }
}
