using System;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Conformance.Fdm.Adaptive;

/// <summary>A log that blocks every write of the transport's category while its gate is closed.</summary>
internal sealed class GateLogger : ILoggerProvider
{
    private readonly ManualResetEventSlim _open = new(initialState: true);
    private readonly Signal _entered = new();

    /// <summary>Completes when a thread waits at the closed gate.</summary>
    public Task Entered => _entered.Task;

    public void Close() => _open.Reset();

    public void Open() => _open.Set();

    public ILogger CreateLogger(string categoryName)
        => new Logger(this, categoryName.Contains(".Transport.", StringComparison.Ordinal));

    public void Dispose()
    {
        _open.Set();
        _open.Dispose();
    }

    private void Pass()
    {
        if (!_open.IsSet)
        {
            _entered.Set();
            _open.Wait(Eventually.Limit);
        }
    }

    private sealed class Logger(GateLogger gate, bool guarded) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (guarded)
            {
                gate.Pass();
            }
        }
    }
}
