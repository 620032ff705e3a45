using System;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>A thread that the transport wants and cannot have is in the log, once a minute.</summary>
public sealed class ThreadNotStartedTests : ILogger
{
    private readonly TaskCompletionSource<string> _line = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _lines;

    [Fact]
    public async Task Without_room_for_a_thread_the_log_says_so_once()
    {
        var headroom = new ThreadHeadroom(static () => 1, static _ => 0, TimeProvider.System);

        for (int i = 0; i < 3; i++)
        {
            Assert.False(TransportThread.TryStart(
                headroom, this, "fdm-of-this-test", static () => Assert.Fail("The thread was started.")));
        }

        Assert.Equal(
            "Warning 43 A thread fdm-of-this-test could not be started: the process is at its limit of threads "
                + "(pids.max, ulimit -u) or out of memory.",
            await _line.Task.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(1, Volatile.Read(ref _lines));
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        Interlocked.Increment(ref _lines);
        _line.TrySetResult($"{logLevel} {eventId.Id} {formatter(state, exception)}");
    }
}
