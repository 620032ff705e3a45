using System.Collections.Generic;
using System.Diagnostics.Tracing;
using System.Linq;
using System.Threading;

namespace KestrelFdmTransport.MicroBenchmarks.Allocations;

/// <summary>Samples which types are allocated: the runtime says so about once in 100 KB.</summary>
internal sealed class AllocationTicks : EventListener
{
    private const EventKeywords GarbageCollection = (EventKeywords)1;
    private const int TypeName = 5;

    private readonly Dictionary<string, int> _types = new(System.StringComparer.Ordinal);
    private readonly Lock _lock = new();

    internal IReadOnlyList<(string Type, int Count)> Most()
    {
        lock (_lock)
        {
            return [.. _types.OrderByDescending(static pair => pair.Value).Take(8).Select(
                static pair => (pair.Key, pair.Value))];
        }
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (string.Equals(eventSource.Name, "Microsoft-Windows-DotNETRuntime", System.StringComparison.Ordinal))
        {
            EnableEvents(eventSource, EventLevel.Verbose, GarbageCollection);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        // The base constructor may already bring events.
        if (_lock is not null
            && eventData.EventName?.StartsWith("GCAllocationTick", System.StringComparison.Ordinal) == true
            && eventData.Payload?[TypeName] is string type)
        {
            lock (_lock)
            {
                _types[type] = _types.GetValueOrDefault(type) + 1;
            }
        }
    }
}
