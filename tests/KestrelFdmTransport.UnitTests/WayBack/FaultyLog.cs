using System;
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>A log whose every call may throw, and what was written to it.</summary>
internal sealed class FaultyLog(FaultPlan plan) : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    /// <summary>What was written at the level of an error or above.</summary>
    public IProducerConsumerCollection<string> Errors => _lines;

    public ILogger CreateLogger(string categoryName)
    {
        plan.Reach("log.CreateLogger");
        return this;
    }

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
        => null;

    public bool IsEnabled(LogLevel logLevel)
    {
        plan.Reach("log.IsEnabled");
        return true;
    }

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        plan.Reach("log.Log");
        string text = formatter(state, exception);
        if (logLevel >= LogLevel.Error)
        {
            _lines.Enqueue($"{eventId.Id} {text} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
