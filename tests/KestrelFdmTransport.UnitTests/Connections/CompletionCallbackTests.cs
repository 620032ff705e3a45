using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

#pragma warning disable CS0618 // Obsolete, and a pipe has them.
/// <summary>What an application has called when the transport has completed its end.</summary>
public sealed class CompletionCallbackTests : IDisposable
{
    private readonly LoopFixture _loops = new();
    private readonly CheckingMemoryPoolFactory _pool = new();
    private readonly ConcurrentQueue<string> _called = new();
    private readonly TestConnection _connection;

    public CompletionCallbackTests()
    {
        _connection = new TestConnection(_loops.Loop, _pool.Create());
        _connection.Start();
    }

    public void Dispose()
    {
        _connection.Dispose();
        _loops.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_is_called_once_with_the_end_of_the_input(bool aborted)
    {
        _connection.Reader.OnWriterCompleted(Note, "first");
        _connection.Reader.OnWriterCompleted(Note, "second");
        if (aborted)
        {
            _connection.Connection.Abort(new ConnectionAbortedException("Enough."));
        }
        else
        {
            _connection.Peer.Dispose();
        }

        string how = aborted ? "Enough." : "no error";
        Eventually.Until(() => _called.Count == 2, "both callbacks");
        _connection.Reader.OnWriterCompleted(Note, "late");
        Eventually.Until(() => _called.Count == 3, "the late callback");
        await _connection.EndAsync();
        Assert.Equal([$"first {how}", $"second {how}", $"late {how}"], _called.ToArray());
    }

    [Fact]
    public async Task Each_is_called_once_with_the_end_of_the_output()
    {
        _connection.Writer.OnReaderCompleted(Note, "first");
        await _connection.Writer.CompleteAsync(new InvalidOperationException("Bad output."));
        Eventually.Until(() => !_called.IsEmpty, "the callback");
        _connection.Writer.OnReaderCompleted(Note, "late");
        Eventually.Until(() => _called.Count == 2, "the late callback");
        await _connection.EndAsync();
        Assert.Equal(["first Bad output.", "late Bad output."], _called.ToArray());
    }

    [Fact]
    public async Task One_that_is_added_while_the_connection_ends_is_called_all_the_same()
    {
        const int Rounds = 200;

        for (int round = 0; round < Rounds; round++)
        {
            using var connection = new TestConnection(_loops.Loop, _pool.Create());
            connection.Start();
            TestThreads.Run(2, (number, meeting) =>
            {
                meeting.Meet();
                if (number == 0)
                {
                    connection.Connection.Abort(new ConnectionAbortedException());
                }
                else
                {
                    Thread.SpinWait(round * 20);
                    connection.Reader.OnWriterCompleted(Note, "reader");
                    connection.Writer.OnReaderCompleted(Note, "writer");
                }
            });
            await connection.EndAsync();
            Eventually.Until(() => _called.Count >= 2 * (round + 1), $"the callbacks of round {round}");
        }

        Assert.Equal(Rounds, _called.Count(call => call.StartsWith("writer", StringComparison.Ordinal)));
        Assert.Equal(2 * Rounds, _called.Count);
    }

    [Fact]
    public void Nothing_cannot_be_called()
    {
        Assert.Equal(
            "callback",
            Assert.Throws<ArgumentNullException>(() => _connection.Reader.OnWriterCompleted(null!, null)).ParamName);
        Assert.Equal(
            "callback",
            Assert.Throws<ArgumentNullException>(() => _connection.Writer.OnReaderCompleted(null!, null)).ParamName);
    }

    private void Note(Exception? error, object? state) => _called.Enqueue($"{state} {error?.Message ?? "no error"}");
}
