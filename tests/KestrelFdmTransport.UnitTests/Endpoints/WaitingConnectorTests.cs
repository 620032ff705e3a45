using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>
/// A connect attempt without a descriptor in the epoll ends with its cause. Not parallel, because descriptors are
/// counted.
/// </summary>
[Collection(NonParallel.Name)]
public sealed class WaitingConnectorTests
{
    private const int Attempts = 20;

    public enum Ending
    {
        TransportDisposed,
        FactoryDisposed,
        LoopFails,
        Cancelled,
        TimesOut,
    }

    [Theory]
    [InlineData(Ending.TransportDisposed, typeof(ObjectDisposedException))]
    [InlineData(Ending.FactoryDisposed, typeof(ObjectDisposedException))]
    [InlineData(Ending.LoopFails, typeof(ObjectDisposedException))]
    [InlineData(Ending.Cancelled, typeof(OperationCanceledException))]
    [InlineData(Ending.TimesOut, typeof(System.Net.Sockets.SocketException))]
    public async Task Attempts_at_a_full_backlog_end_and_leave_no_descriptor(Ending ending, Type expected)
    {
        using var full = new FullBacklog();
        var options = new FdmTransportOptions { LoopCount = 1, RebalanceConnections = false };
        if (ending == Ending.TimesOut)
        {
            options.ConnectTimeout = TimeSpan.FromMilliseconds(200);
        }

        await using var transport = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        await using var factory = new FdmConnectionFactory(transport);
        EventLoop loop = transport.AcquireLoops()[0];
        using var cancellation = new CancellationTokenSource();
        int before = Descriptors();

        Task<ConnectionContext>[] attempts =
            [.. Enumerable.Range(0, Attempts).Select(
                _ => factory.ConnectAsync(full.EndPoint, cancellation.Token).AsTask())];
        Eventually.Until(
            () => Descriptors() >= before + Attempts || ending == Ending.TimesOut,
            "the attempts under way");
        switch (ending)
        {
            case Ending.TransportDisposed:
                await transport.DisposeAsync();
                break;
            case Ending.FactoryDisposed:
                await factory.DisposeAsync();
                break;
            case Ending.LoopFails:
                LoopFixture.Fail(loop);
                break;
            case Ending.Cancelled:
                await cancellation.CancelAsync();
                break;
        }

        foreach (Task<ConnectionContext> attempt in attempts)
        {
            Exception exception = await Assert.ThrowsAnyAsync<Exception>(() => attempt.Within("the end of an attempt"));
            Assert.IsAssignableFrom(expected, exception);
        }

        Eventually.Until(() => Descriptors() <= before, "the descriptors of the attempts are closed");
        transport.ReleaseLoops();
    }

    /// <summary>Sockets only: the runtime may open an epoll or a pipe of its own at any time, and keeps it.</summary>
    private static int Descriptors()
        => Directory.GetFiles("/proc/self/fd").Count(
            static path => new FileInfo(path).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
