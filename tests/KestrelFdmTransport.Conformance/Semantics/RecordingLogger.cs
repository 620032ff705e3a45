using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>Keeps the structure of what a transport logs: what a log store has for columns.</summary>
internal sealed class RecordingLogger : ILoggerProvider
{
    private const int LoopStalled = 37;
    private const int ServedByFdm = 53;

    private readonly SortedSet<string> _events = new(StringComparer.Ordinal);

    /// <summary>Each event once: level, id, name, template and arguments.</summary>
    public IReadOnlyList<string> Events
    {
        get
        {
            lock (_events)
            {
                return [.. _events];
            }
        }
    }

    public ILogger CreateLogger(string categoryName)
        => new Logger(
            this,
            categoryName.StartsWith("Microsoft.AspNetCore.Server.Kestrel.Transport.", StringComparison.Ordinal));

    public void Dispose()
    {
    }

    private sealed class Logger(RecordingLogger owner, bool isTransport) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => isTransport;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (!isTransport || eventId.Id is LoopStalled or ServedByFdm)
            {
                // Sockets does not say that it serves, and has no loop that stalls on a busy machine.
                return;
            }

            string arguments = state is IReadOnlyList<KeyValuePair<string, object?>> pairs
                ? string.Join(", ", pairs.Select(
                    pair => pair.Key is "{OriginalFormat}" ? $"{pair.Value}" : $"{pair.Key}: "
                        + $"{pair.Value?.GetType().Name}"))
                : "no structure";
            lock (owner._events)
            {
                owner._events.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{eventId.Id:00} {eventId.Name} {logLevel} {arguments} {exception?.GetType().Name}"));
            }
        }
    }
}
