using System;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>A connection whose callback has lost the loop to a standby.</summary>
public sealed class StalledConnectionTests
{
    [Fact]
    public async Task What_its_serve_had_not_read_yet_is_read_by_the_new_owner()
    {
        using var loops = new LoopFixture(stallThreshold: TimeSpan.FromMilliseconds(2));
        using var released = new ManualResetEventSlim();
        int rents = 0;
        using var pool = new RingPool
        {
            OnRent = () =>
            {
                // Memory for the first receive: the bytes are still in the socket, and their event has been taken.
                if (Interlocked.Increment(ref rents) == 1)
                {
                    released.Wait(2 * Eventually.Limit);
                }
            },
        };
        using var connection = new TestConnection(loops.Loop, pool);
        Assert.Equal(3, Sys.Send(connection.Peer.Value, "abc"u8));
        connection.Start();

        ReadResult result = await connection.Reader.ReadAsync().AsTask().Within("bytes that were there before");

        Assert.Equal(3, result.Buffer.Length);
        released.Set();
        connection.Connection.Abort(new ConnectionAbortedException());
        await connection.EndAsync();
    }
}
