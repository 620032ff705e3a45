using System;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>A logger that does not throw: a failing provider must cost neither a connection nor a loop.</summary>
internal sealed class NonThrowingLogger : ILogger
{
    private readonly ILogger _logger;

    internal NonThrowingLogger(ILogger logger) => _logger = logger;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => _logger.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return _logger.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            return false;
        }
    }

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        try
        {
            _logger.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // No other place is left to report it.
        }
    }
}
