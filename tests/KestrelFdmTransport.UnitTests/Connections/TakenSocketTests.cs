using System;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.EventLoops;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

public sealed class TakenSocketTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();

    public void Dispose() => _loops.Dispose();

    /// <summary>The socket's class waits for the handle to be released, however long that takes.</summary>
    [Fact]
    public async Task Application_code_that_keeps_the_handle_of_an_ended_connection_does_not_hold_the_loop()
    {
        using var connection = new TestConnection(_loops.Loop, _pool.Create());
        connection.Start();
        SafeSocketHandle handle = connection.Io.GetSocket().SafeHandle;
        bool kept = false;
        handle.DangerousAddRef(ref kept);
        Task ended;
        try
        {
            ended = connection.EndAsync();
            Eventually.Until(() => connection.Reader.HasEnded, "the close");
            _loops.Run(() => { });
            Assert.False(ended.IsCompleted);
        }
        finally
        {
            handle.DangerousRelease();
        }

        await ended;
        _pool.AssertAllReturned();
    }
}
