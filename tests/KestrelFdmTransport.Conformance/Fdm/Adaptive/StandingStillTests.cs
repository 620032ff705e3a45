using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Processes;
using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm.Adaptive;

/// <summary>
/// Handlers whose threads stand still for a reason that is not theirs, late timers, late interrupts, and limits of
/// threads.
/// </summary>
[Trait("Category", "Slow")]
public sealed class StandingStillTests
{
    private const int Clients = 16;

    /// <summary>
    /// Loops, monitor, standby threads, and some for callbacks that waited for the collector's locks. If pauses counted
    /// as waits, there would soon be a thread for each client.
    /// </summary>
    private const int FewThreads = 10;

    private int _answered;

    /// <summary>With a small first generation there is a collection for every few requests.</summary>
    [SkippableTheory]
    [InlineData("/allocate")]
    [InlineData("/allocate-large")]
    public async Task Handlers_that_allocate_and_never_wait_make_no_threads(string path)
    {
        SkipWithoutBash();
        await using ChildProcess child = ChildProcess.StartByBash(
            "export DOTNET_GCgen0size=0x80000; exec \"$@\"", "serve", nameof(TransportKind.Fdm), ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        using var over = new CancellationTokenSource();
        Task[] load = [.. Enumerable.Range(0, Clients).Select(_ => RequestAsync(endPoint, path, over.Token))];

        // Code that runs for the first time is compiled, which takes its time.
        await Eventually.UntilAsync(() => Volatile.Read(ref _answered) > 5_000);
        long before = await AskAsync(endPoint, "/stalls");
        await Eventually.UntilAsync(() => Volatile.Read(ref _answered) > 20_000);
        long stalls = await AskAsync(endPoint, "/stalls") - before;
        long threads = await AskAsync(endPoint, "/threads");
        await over.CancelAsync();
        await Task.WhenAll(load).Within();

        Assert.InRange(stalls, 0, 15);
        Assert.InRange(threads, 0, FewThreads);
    }

    /// <summary>Each timer of the process comes up to 20 ms late, so each look of the monitor does.</summary>
    [SkippableTheory]
    [InlineData(nameof(TransportKind.FdmAdaptiveOneLoop))]
    [InlineData(nameof(TransportKind.Fdm))]
    public async Task With_coarse_timers_a_flushed_answer_leaves_and_the_loop_goes_on(string transport)
    {
        SkipWithoutBash();
        Skip.IfNot(File.Exists("/proc/self/timerslack_ns"), "The kernel does not let the slack of timers be set.");
        await using ChildProcess child = ChildProcess.StartByBash(
            "echo 20000000 >/proc/$$/timerslack_ns; exec \"$@\"", "serve", transport, ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        await client.SendAsync(RawClient.Get("/flush-and-wait"));

        // Its first bytes let the handler go on.
        await client.ReadHeadAsync();
        Assert.Equal("first "u8.ToArray(), await client.ReadChunkAsync());
        using RawClient other = await RawClient.ConnectAsync(endPoint);
        await other.GetAsync("/release");
        Assert.Equal("released"u8.ToArray(), await client.ReadChunkAsync());
    }

    [Fact]
    public async Task Interrupts_that_come_when_handlers_are_over_do_not_end_the_process()
    {
        await using ChildProcess child = ChildProcess.Start("serve", nameof(TransportKind.Fdm), ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        for (int round = 0; round < 20; round++)
        {
            using RawClient client = await RawClient.ConnectAsync(endPoint);
            await client.GetAsync("/late-interrupt");
        }

        await Task.Delay(TimeSpan.FromMilliseconds(100));
        using RawClient last = await RawClient.ConnectAsync(endPoint);
        Assert.Equal("hello", (await last.GetAsync("/")).Text);
    }

    [SkippableFact]
    public async Task A_limit_of_threads_is_not_used_up()
    {
        const int Limit = 60;
        SkipWithoutBash();
        await using ChildProcess child = ChildProcess.StartByBash(
            $"ulimit -u {Limit} && exec \"$@\"", "serve", nameof(TransportKind.Fdm), ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        using var over = new CancellationTokenSource();
        Task[] load = [.. Enumerable.Range(0, 4 * Clients).Select(_ => RequestAsync(endPoint, "/sleep", over.Token))];
        await Eventually.UntilAsync(() => Volatile.Read(ref _answered) > 300);
        long threads = await AskAsync(endPoint, "/threads");
        await over.CancelAsync();
        await Task.WhenAll(load).Within();

        // Without a limit there is one for each client.
        Assert.InRange(threads, 0, Limit - 16);
    }

    private static void SkipWithoutBash() => Skip.IfNot(File.Exists("/bin/bash"), "There is no bash.");

    private static async Task<long> AskAsync(IPEndPoint endPoint, string path)
    {
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        return long.Parse((await client.GetAsync(path)).Text, CultureInfo.InvariantCulture);
    }

    private async Task RequestAsync(IPEndPoint endPoint, string path, CancellationToken over)
    {
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        while (!over.IsCancellationRequested)
        {
            await client.GetAsync(path);
            Interlocked.Increment(ref _answered);
        }
    }
}
