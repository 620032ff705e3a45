using System;
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>Counts log events by their names.</summary>
internal sealed class EventCounter : ILoggerFactory, ILogger
{
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, string> _messages = new(StringComparer.Ordinal);

    /// <summary>The text of the last event of the name; empty if there was none.</summary>
    public string Message(string name) => _messages.TryGetValue(name, out string? message) ? message : "";

    public int Count(string name) => _counts.TryGetValue(name, out int count) ? count : 0;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

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
        _messages[eventId.Name ?? ""] = formatter(state, exception);
        _counts.AddOrUpdate(eventId.Name ?? "", 1, static (_, count) => count + 1);
    }

    public void Dispose()
    {
    }
}
