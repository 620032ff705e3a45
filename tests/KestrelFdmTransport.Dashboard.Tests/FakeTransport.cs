using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>A transport that reports what a test wants.</summary>
internal sealed class FakeTransport : IFdmTransport
{
    public bool IsActive => InactiveReason is null;

    public string? InactiveReason { get; init; }

    public int Loops { get; init; }

    public Exception? Error { get; init; }

    public IReadOnlyList<EventLoopStatistics> GetLoopStatistics()
        => Error is null
            ? [.. Enumerable.Range(0, Loops).Select(index => new EventLoopStatistics { Name = $"fdm-loop-{index}" })]
            : throw Error;

    public IReadOnlyList<EndpointStatistics> GetEndpointStatistics() => [];

    public IReadOnlyList<ConnectionStatistics> GetBusiestConnections(int max) => [];

    public Task DrainAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public ThreadStatistics GetThreadStatistics() => new();
}
