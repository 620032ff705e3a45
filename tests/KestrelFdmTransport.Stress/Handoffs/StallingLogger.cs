using System;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>
/// A log that has loops taken over while the transport writes it, and that keeps nothing but problems.
/// </summary>
internal sealed class StallingLogger(HandoffCounters figures) : ILoggerProvider
{
    private const int OneIn = 4;

    public ILogger CreateLogger(string categoryName)
        => new Logger(figures, categoryName.Contains(".Transport.", StringComparison.Ordinal));

    public void Dispose()
    {
    }

    private sealed class Logger(HandoffCounters figures, bool isTransport) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => isTransport || logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            // Below a warning there is only what a transport has to say of itself and of its connections.
            if (logLevel >= (isTransport ? LogLevel.Warning : LogLevel.Error))
            {
                figures.Report($"{logLevel}: {formatter(state, exception)} {exception}");
            }

            StallInjection.Run(OneIn);
        }
    }
}
