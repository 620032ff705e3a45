using System;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>Positions that no read has given out.</summary>
public sealed class ReaderPositionTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly HookedPool _pool = new();

    public void Dispose() => _loops.Dispose();

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task A_position_beyond_what_was_received_is_refused_and_changes_nothing(bool consumed, bool examined)
    {
        using var connection = new TestConnection(_loops.Loop, _pool);
        connection.Start();
        ReadResult result = await ReceiveAsync(connection, 10);
        SequencePosition end = result.Buffer.End;
        var beyond = new SequencePosition(end.GetObject(), end.GetInteger() + 1);

        Assert.Throws<InvalidOperationException>(
            () => connection.Reader.AdvanceTo(
                consumed ? beyond : result.Buffer.Start,
                examined || consumed ? beyond : end));

        connection.Reader.AdvanceTo(result.Buffer.GetPosition(4), end);
        result = await ReceiveAsync(connection, 1);
        Assert.Equal(7, result.Buffer.Length);
        connection.Reader.AdvanceTo(result.Buffer.End);
        await connection.EndAsync();
        _pool.AssertAllReturned();
    }

    private static async Task<ReadResult> ReceiveAsync(TestConnection connection, int count)
    {
        Assert.Equal(count, Sys.Send(connection.Peer.Value, new byte[count]));
        return await connection.Reader.ReadAsync().AsTask().Within("the bytes");
    }
}
