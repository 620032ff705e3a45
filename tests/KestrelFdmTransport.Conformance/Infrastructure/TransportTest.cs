using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>
/// Runs each case on every transport. What it starts is stopped and checked after the case, so that neither failure
/// hides the other.
/// </summary>
public abstract class TransportTest(ITestOutputHelper output) : IAsyncLifetime
{
    private const int LogTail = 100;

    private readonly List<(IAsyncDisposable Checked, LogCollector Logs)> _checked = [];

    /// <summary>
    /// Sockets and this transport as it comes; with <see cref="Transports.IsFull"/> every configuration.
    /// </summary>
    public static TheoryData<TransportKind> OnBoth => new(Transports.Main);

    /// <summary>Every configuration, always: for the cases that scheduling or the number of loops may change.</summary>
    public static TheoryData<TransportKind> OnAll => new(Transports.All);

    /// <summary>
    /// As <see cref="OnBoth"/> without the oracle: for what only this transport has, and for comparisons with it.
    /// </summary>
    public static TheoryData<TransportKind> OnFdm => new(WithoutOracle(Transports.Main));

    /// <summary>As <see cref="OnAll"/> without the oracle.</summary>
    public static TheoryData<TransportKind> OnAllFdm => new(WithoutOracle(Transports.All));

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        List<Exception> failures = [];
        foreach ((IAsyncDisposable disposable, LogCollector logs) in Enumerable.Reverse(_checked))
        {
            try
            {
                await disposable.DisposeAsync();
            }
            catch (Exception exception)
            {
                failures.Add(exception);
            }

            output.WriteLine(logs.Tail(LogTail));
        }

        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    private protected async Task<TestServer> StartAsync(
        TransportKind transport,
        RequestDelegate handler,
        TestServerSetup? setup = null)
    {
        TestServer server = await TestServer.StartAsync(transport, handler, setup);
        CheckAfterwards(server, server.Logs);
        return server;
    }

    /// <summary>Has something disposed of after the case, which is where it checks itself.</summary>
    private protected void CheckAfterwards(IAsyncDisposable disposable, LogCollector logs)
        => _checked.Add((disposable, logs));

    /// <summary>Starts a server whose connections go to <paramref name="handler"/> with no HTTP between.</summary>
    private protected Task<TestServer> StartRawAsync(
        TransportKind transport,
        Func<ConnectionContext, Task> handler,
        string? expectedError = null)
    {
        return StartAsync(
            transport,
            _ => Task.CompletedTask,
            new TestServerSetup
            {
                Listen = options => options.Run(connection => handler(connection)),
                ExpectedError = expectedError,
            });
    }

    /// <summary>In a build without this transport the oracle is compared with itself, which tests the tests.</summary>
    private static IEnumerable<TransportKind> WithoutOracle(IReadOnlyList<TransportKind> transports)
        => transports.Count == 1 ? transports : transports.Except([TransportKind.Sockets]);
}
