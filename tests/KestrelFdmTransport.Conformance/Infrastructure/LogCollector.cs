using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.Extensions.Logging;
using Xunit;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>Keeps every log entry of a host.</summary>
internal sealed class LogCollector : ILoggerProvider
{
    private const int LoopStalled = 37;
    private const int ServedByFdm = 53;
    private const int TransportStarted = 54;

    private readonly List<LogEntry> _entries = [];
    private readonly List<(Func<LogEntry, bool> Wanted, TaskCompletionSource<LogEntry> Found)> _waiters = [];

    public IReadOnlyList<LogEntry> Entries
    {
        get
        {
            lock (_entries)
            {
                return [.. _entries];
            }
        }
    }

    /// <summary>Completes with the first entry that fits, past or future.</summary>
    public Task<LogEntry> FindAsync(Func<LogEntry, bool> wanted)
    {
        lock (_entries)
        {
            if (_entries.Find(entry => wanted(entry)) is { } present)
            {
                return Task.FromResult(present);
            }

            var found = new TaskCompletionSource<LogEntry>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((wanted, found));
            return found.Task;
        }
    }

    public Task<LogEntry> FindTransportEventAsync(int id)
        => FindAsync(entry => entry.IsFromTransport && entry.Id.Id == id);

    public void AssertNothingAbove(LogLevel level, string? except = null)
        => Assert.Empty(Describe(entry => entry.Level > level && (except is null || !entry.Is(except))));

    public void AssertNothingFromTheTransportAbove(LogLevel level)
        => Assert.Empty(Describe(entry => entry.IsFromTransport && entry.Level > level));

    public string Tail(int count) => string.Join('\n', Entries.TakeLast(count));

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private IEnumerable<string> Describe(Func<LogEntry, bool> unwanted)
        => Entries.Where(unwanted).Select(entry => entry.ToString());

    private void Add(LogEntry entry)
    {
        if (entry.IsFromTransport && entry.Id.Id is (LoopStalled or ServedByFdm or TransportStarted))
        {
            // Sockets has nothing like them, and the first comes or not with the load of the machine.
            return;
        }

        lock (_entries)
        {
            _entries.Add(entry);
            for (int i = _waiters.Count - 1; i >= 0; i--)
            {
                if (_waiters[i].Wanted(entry))
                {
                    _waiters[i].Found.SetResult(entry);
                    _waiters.RemoveAt(i);
                }
            }
        }
    }

    private sealed class Logger(LogCollector collector, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
            => collector.Add(new LogEntry(category, logLevel, eventId, formatter(state, exception), exception));
    }
}
