using System;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.EventLoops;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

public sealed class SentBytesTests : IDisposable
{
    private const int MoreThanTheKernelTakes = 2_000_000;

    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();

    public void Dispose() => _loops.Dispose();

    [Fact]
    public async Task Only_what_the_kernel_has_taken_counts_as_sent_when_the_rest_is_dropped()
    {
        using var connection = new TestConnection(_loops.Loop, _pool.Create(), pauseThreshold: 0);
        connection.Start();
        connection.WriteNow(new byte[MoreThanTheKernelTakes]);
        IFdmConnectionFeature feature = connection.Connection;
        long taken = feature.BytesSent;
        connection.WriteNow(new byte[100]);

        connection.Connection.Abort(new ConnectionAbortedException());
        connection.WriteNow(new byte[100]);

        Assert.InRange(taken, 1, MoreThanTheKernelTakes - 1);
        Assert.Equal(taken, feature.BytesSent);
        Assert.Equal(taken, connection.TakeArrived().Length);
        await connection.EndAsync();
        Assert.Equal(taken, feature.BytesSent);
        _pool.AssertAllReturned();
    }
}
