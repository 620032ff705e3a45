using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

[Collection(NonParallel.Name)]
public sealed class ConnectorFaultTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();

    public void Dispose() => _loops.Dispose();

    /// <summary>
    /// The slot is taken before the timer is set. What stays in it would be closed with the loop, by a number that is
    /// another one's by then.
    /// </summary>
    [Fact]
    public async Task A_connection_that_cannot_be_started_leaves_nothing_on_its_loop()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var settings = new ConnectionSettings
        {
            Endpoint = new EndpointProfile(ApplicationScheduling.ThreadPool),
            FinOnError = false,
            ReadPauseThreshold = 0,
            WritePauseThreshold = 0,
            IdleTimeout = 100_000,
            Logger = NullLogger.Instance,
        };
        var attempt = new Connector(
            listener.LocalEndPoint!,
            new EndpointBuffers(_pool.Create(), NullLogger.Instance),
            settings,
            new FdmTransportOptions())
        { Loop = _loops.Loop };
        using (AtFaultPoint.OutOfMemory(FaultPoint.IdleTimerSet, 1))
        {
            Task<FdmConnection> connecting = attempt.RunAsync(CancellationToken.None);
            await Assert.ThrowsAsync<OutOfMemoryException>(() => connecting.Within("the attempt"));
        }

        _loops.Settle();

        // The lowest numbers that are free are theirs, and so is the attempt's.
        SocketPair[] pairs = [new(), new(), new()];
        _loops.Dispose();

        foreach (SocketPair pair in pairs)
        {
            Assert.Equal(1, Sys.Send(pair.Near.Value, new byte[1]));
            Assert.Equal(1, Sys.Receive(pair.Far.Value, new byte[1]));
            pair.Dispose();
        }
    }
}
