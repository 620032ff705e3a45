using System;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Processes;
using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm.Adaptive;

/// <summary>
/// A callback that stands still because its whole process is stopped delays no other connection, so its loop is not
/// taken over.
/// </summary>
[Trait("Category", "Slow")]
public sealed class InterruptedProcessTests
{
    private const int Clients = 8;

    /// <summary>Longer than <see cref="FdmTransportOptions.StallThreshold"/> by far.</summary>
    private static readonly TimeSpan s_interruption = TimeSpan.FromMilliseconds(30);

    private int _answered;

    public static TheoryData<TransportKind> OnDefaults => new([TransportKind.FdmAdaptiveOneLoop, TransportKind.Fdm]);

    [Theory, MemberData(nameof(OnDefaults))]
    public async Task A_process_that_is_stopped_again_and_again_hands_hardly_a_loop_over(TransportKind transport)
    {
        const int Stops = 20;
        await RunAsync(transport, Stops, async (child, _) =>
        {
            for (int i = 0; i < Stops; i++)
            {
                await child.SuspendAsync();
                await Task.Delay(s_interruption);
                child.Resume();
                int before = Volatile.Read(ref _answered);
                await Eventually.UntilAsync(() => Volatile.Read(ref _answered) > before + Clients);
            }
        });
    }

    [Theory, MemberData(nameof(OnDefaults))]
    public async Task Long_garbage_collections_hand_hardly_a_loop_over(TransportKind transport)
    {
        await RunAsync(transport, ServingChild.Collections, async (_, endPoint) =>
        {
            using RawClient client = await RawClient.ConnectAsync(endPoint);
            Assert.Equal("collected", (await client.GetAsync("/collect")).Text);
        });
    }

    /// <summary>
    /// Interrupts a server under load; every request must be answered, and few loops be taken over meanwhile.
    /// </summary>
    private async Task RunAsync(TransportKind transport, int times, Func<ChildProcess, IPEndPoint, Task> interruptAsync)
    {
        int loops = transport == TransportKind.Fdm ? 2 : 1;
        await using ChildProcess child = ChildProcess.Start("serve", transport.ToString(), ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        using var over = new CancellationTokenSource();
        Task[] load = [.. Enumerable.Range(0, Clients).Select(_ => RequestAsync(endPoint, over.Token))];

        // Code that runs for the first time is compiled, which takes its time.
        await Eventually.UntilAsync(() => Volatile.Read(ref _answered) > 2_000);
        long before = await StallsAsync(endPoint);
        await interruptAsync(child, endPoint);
        long stalls = await StallsAsync(endPoint) - before;
        await over.CancelAsync();
        await Task.WhenAll(load).Within();

        Assert.InRange(stalls, 0, loops * times * 2);
    }

    private static async Task<long> StallsAsync(IPEndPoint endPoint)
    {
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        return long.Parse((await client.GetAsync("/stalls")).Text, CultureInfo.InvariantCulture);
    }

    private async Task RequestAsync(IPEndPoint endPoint, CancellationToken over)
    {
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        while (!over.IsCancellationRequested)
        {
            Assert.Equal("hello", (await client.GetAsync("/")).Text);
            Interlocked.Increment(ref _answered);
        }
    }
}
