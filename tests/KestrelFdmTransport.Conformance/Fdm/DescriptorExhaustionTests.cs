using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Processes;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>A server that may have 256 descriptors, and many more clients.</summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class DescriptorExhaustionTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Clients = 1_000;
    private const int Loops = 2;

    private static readonly TimeSpan s_observed = TimeSpan.FromSeconds(3);

    private readonly ITestOutputHelper _output = output;

    [SkippableFact]
    public async Task A_server_without_descriptors_pauses_and_serves_again_when_the_clients_have_gone()
    {
        await using ChildProcess child = Start();
        IPEndPoint endPoint = await child.ListeningAsync();
        using (RawClient first = await RawClient.ConnectAsync(endPoint))
        {
            Assert.Equal("hello", (await first.GetAsync("/")).Text);
        }

        using var over = new CancellationTokenSource();
        (Socket[] clients, Task[] connecting) = await ConnectAllAsync(endPoint, over.Token);

        // Not a wait for anything: the time over which the CPU time is counted.
        (long started, TimeSpan before) = (Stopwatch.GetTimestamp(), child.ProcessorTime);
        await Task.Delay(s_observed);
        TimeSpan used = child.ProcessorTime - before;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        _output.WriteLine($"{used.TotalMilliseconds} ms of CPU time in {elapsed.TotalMilliseconds} ms");

        await over.CancelAsync();
        await LeaveAsync(clients, connecting);
        long left = Stopwatch.GetTimestamp();
        await ServedAsync(endPoint).Within("an answer");
        TimeSpan unserved = Stopwatch.GetElapsedTime(left);
        TimeSpan all = Stopwatch.GetElapsedTime(started);
        int pauses = (await child.EndAsync()).Split("paused for").Length - 1;
        _output.WriteLine($"served after {unserved.TotalMilliseconds} ms; {pauses} messages about pauses");
        Assert.True(used < elapsed / 2, $"{used} of CPU time in {elapsed}");

        // Each loop says it once a second at most; the clients came before the clock started.
        Assert.InRange(pauses, 1, Loops * ((int)all.TotalSeconds + 10));
    }

    [SkippableFact]
    public async Task A_server_that_runs_out_of_descriptors_with_its_first_clients_lives_on()
    {
        await using ChildProcess child = Start();
        IPEndPoint endPoint = await child.ListeningAsync();
        using var over = new CancellationTokenSource();
        (Socket[] clients, Task[] connecting) = await ConnectAllAsync(endPoint, over.Token);
        await over.CancelAsync();
        await LeaveAsync(clients, connecting);
        Exception? unserved = await Record.ExceptionAsync(() => ServedAsync(endPoint).Within("an answer"));
        string log = await child.EndAsync();
        Assert.True(unserved is null, $"{unserved?.Message}: {log}");
    }

    private static ChildProcess Start()
    {
        Skip.IfNot(File.Exists("/bin/bash"), "There is no bash, which sets the limit.");
        return ChildProcess.StartByBash(
            "ulimit -n 256; exec \"$@\"",
            [.. FaultyServer.Arguments, ServingChild.LogToErrors]);
    }

    /// <summary>Many more clients than the server has descriptors for; the kernel admits at least this many.</summary>
    private static async Task<(Socket[] Clients, Task[] Connecting)> ConnectAllAsync(
        IPEndPoint endPoint,
        CancellationToken over)
    {
        Socket[] clients = [.. Enumerable.Range(0, Clients).Select(
            _ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))];
        Task[] connecting = [.. clients.Select(client => TryConnectAsync(client, endPoint, over))];
        await Eventually.UntilAsync(() => connecting.Count(task => task.IsCompleted) >= 256);
        return (clients, connecting);
    }

    private static async Task LeaveAsync(Socket[] clients, Task[] connecting)
    {
        await Task.WhenAll(connecting).Within("the last attempt");
        foreach (Socket client in clients)
        {
            client.Dispose();
        }
    }

    private static async Task TryConnectAsync(Socket client, IPEndPoint endPoint, CancellationToken over)
    {
        try
        {
            await client.ConnectAsync(endPoint, over);
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            // Turned away, or still waiting at the end.
        }
    }

    /// <summary>Asks until there is an answer: who comes during a pause may be rejected.</summary>
    private static async Task ServedAsync(IPEndPoint endPoint)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using RawClient client = await RawClient.ConnectAsync(endPoint);
                Assert.Equal("hello", (await client.GetAsync("/")).Text);
                return;
            }
            catch (Exception exception) when (exception is SocketException or EndOfStreamException
                && Stopwatch.GetElapsedTime(start) < FaultyServer.Patience)
            {
                await Task.Yield();
            }
        }
    }
}
