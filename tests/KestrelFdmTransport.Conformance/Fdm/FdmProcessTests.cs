using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>What the transport costs the process in threads and descriptors, and that it gives them back.</summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class FdmProcessTests(ITestOutputHelper output) : TransportTest(output)
{
    private const string LoopThread = "fdm-loop-";
    private const string MonitorThread = "fdm-monitor";

    /// <summary>The runtime opens and closes descriptors of its own.</summary>
    private const int Noise = 8;

    [Theory, MemberData(nameof(OnFdm))]
    public async Task The_loops_threads_carry_their_names(TransportKind transport)
    {
        await UntilNoLoopIsLeftAsync();
        await using var harness = new FdmHarness(transport);
        IConnectionListener listener = await harness.BindAsync();

        string names = string.Join(' ', Enumerable.Range(0, harness.LoopCount).Select(number => $"fdm-loop-{number}"));
        Assert.Equal(names, string.Join(' ', ProcessState.Threads(LoopThread)));
        Assert.Equal(names, string.Join(' ', harness.Factory.GetLoopStatistics().Select(loop => loop.Name)));
        await listener.DisposeAsync().Within();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task Binding_again_and_again_adds_neither_threads_nor_descriptors(TransportKind transport)
    {
        await UntilNoLoopIsLeftAsync();
        await using var harness = new FdmHarness(transport);
        await BindAndUnbindAsync(harness, 20);
        int descriptors = ProcessState.Descriptors();

        await BindAndUnbindAsync(harness, 200);
        Assert.InRange(ProcessState.Threads(LoopThread).Count, 0, harness.LoopCount);
        await UntilNoMoreDescriptorsAsync(descriptors);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_factory_that_is_disposed_of_leaves_neither_threads_nor_descriptors(TransportKind transport)
    {
        await UntilNoLoopIsLeftAsync();
        int descriptors = ProcessState.Descriptors();
        for (int i = 0; i < 30; i++)
        {
            await using var harness = new FdmHarness(transport);
            await BindAndUnbindAsync(harness, 1);
        }

        await UntilNoLoopIsLeftAsync();
        Assert.InRange(ProcessState.Threads(MonitorThread).Count, 0, 1);
        await UntilNoMoreDescriptorsAsync(descriptors);
    }

    [Theory, MemberData(nameof(OnFdm))]
    public async Task A_host_that_is_disposed_of_leaves_neither_threads_nor_descriptors(TransportKind transport)
    {
        await UntilNoLoopIsLeftAsync();
        await RunHostAsync(transport);
        int descriptors = ProcessState.Descriptors();
        for (int i = 0; i < 10; i++)
        {
            await RunHostAsync(transport);
        }

        await UntilNoLoopIsLeftAsync();
        Assert.InRange(ProcessState.Threads(MonitorThread).Count, 0, 1);
        await UntilNoMoreDescriptorsAsync(descriptors);
    }

    private static async Task RunHostAsync(TransportKind transport)
    {
        await using TestServer server = await TestServer.StartAsync(transport, _ => Task.CompletedTask);
        for (int i = 0; i < 10; i++)
        {
            using RawClient client = await server.ConnectAsync();
            Assert.Equal(200, (await client.GetAsync("/")).Status);
        }
    }

    private static async Task BindAndUnbindAsync(FdmHarness harness, int times)
    {
        for (int i = 0; i < times; i++)
        {
            IConnectionListener listener = await harness.BindAsync();
            if (i % 5 == 0)
            {
                using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
                ConnectionContext? connection = await listener.AcceptAsync().Within();
                Assert.NotNull(connection);
                await connection.DisposeAsync().Within();
            }

            await listener.UnbindAsync().Within();
            await listener.DisposeAsync().Within();
        }
    }

    /// <summary>Threads of former cases may still be on their way out.</summary>
    private static Task UntilNoLoopIsLeftAsync() => Eventually.UntilAsync(
        () => ProcessState.Threads(LoopThread).Count == 0,
        () => string.Join(", ", ProcessState.Threads(LoopThread)));

    private static Task UntilNoMoreDescriptorsAsync(int before) => Eventually.UntilAsync(
        () => ProcessState.Descriptors() <= before + Noise,
        () => $"{ProcessState.Descriptors()} descriptors, {before} before");
}
