using System;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>Keeps the transport's warnings, and the errors of every category.</summary>
internal sealed class SoakLogger(SoakCounters figures) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName)
        => new Logger(
            figures,
            categoryName.Contains(".Transport.", StringComparison.Ordinal) ? LogLevel.Warning : LogLevel.Error);

    public void Dispose()
    {
    }

    private sealed class Logger(SoakCounters figures, LogLevel lowest) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= lowest;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                figures.Report($"{logLevel}: {formatter(state, exception)} {exception}");
            }
        }
    }
}
