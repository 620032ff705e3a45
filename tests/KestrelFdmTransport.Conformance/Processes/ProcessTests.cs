using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>What holds for a process as a whole: its switches, its descriptors and its end.</summary>
[Trait("Category", "Slow")]
public sealed class ProcessTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task With_FinOnError_an_abort_sends_FIN(TransportKind transport)
    {
        await using ChildProcess child = Serve(transport, ServingChild.Loopback, ServingChild.FinOnError);
        using RawClient client = await RawClient.ConnectAsync(await child.ListeningAsync());
        await client.SendAsync(RawClient.Get("/abort"));
        await client.AssertFinAsync();

        // What one connection does is nothing to the next.
        using RawClient other = await RawClient.ConnectAsync(client.RemoteEndPoint);
        Assert.Equal("hello", (await other.GetAsync("/")).Text);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Without_FinOnError_an_abort_sends_RST(TransportKind transport)
    {
        await using ChildProcess child = Serve(transport, ServingChild.Loopback);
        using RawClient client = await RawClient.ConnectAsync(await child.ListeningAsync());
        await client.SendAsync(RawClient.Get("/abort"));
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_inherited_descriptor_is_listened_on(TransportKind transport)
    {
        using var socket = new InheritableSocket();
        await using ChildProcess child = Serve(transport, $"{ServingChild.Handle}{socket.Descriptor}");
        Assert.Equal(socket.EndPoint, await child.ListeningAsync());
        using RawClient client = await RawClient.ConnectAsync(socket.EndPoint);
        Assert.Equal("hello", (await client.GetAsync("/")).Text);
    }

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public async Task A_socket_of_systemd_is_listened_on(TransportKind transport)
    {
        Skip.IfNot(File.Exists("/bin/bash"), "There is no bash, which moves descriptors of any number.");
        using var socket = new InheritableSocket();
        await using ChildProcess child = ChildProcess.StartByBash(
            $"exec 3<&{socket.Descriptor} {socket.Descriptor}<&-; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"",
            "serve",
            transport.ToString(),
            ServingChild.Systemd);
        Assert.Equal(socket.EndPoint, await child.ListeningAsync());
        using RawClient client = await RawClient.ConnectAsync(socket.EndPoint);
        Assert.Equal("hello", (await client.GetAsync("/")).Text);

        child.Terminate();
        await child.ExpectAsync("stopped");
        Assert.Equal(0, await child.ExitCodeAsync());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Programs_that_the_application_starts_under_load_inherit_no_descriptor(TransportKind transport)
    {
        const int Programs = 5;
        await using ChildProcess child = Serve(transport, ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        Task[] load = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() => LoadAsync(endPoint, requests: 5)))];
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        for (int i = 0; i < Programs; i++)
        {
            string[] descriptors = (await client.GetAsync("/spawn")).Text.Split('\n');
            Assert.Contains(descriptors, descriptor => descriptor.StartsWith("pipe:", StringComparison.Ordinal));
            Assert.DoesNotContain(
                descriptors,
                descriptor => descriptor.StartsWith("socket:", StringComparison.Ordinal));
            Assert.DoesNotContain(
                descriptors,
                descriptor => descriptor.StartsWith("anon_inode:", StringComparison.Ordinal));
        }

        await child.EndAsync();
        await Task.WhenAll(load).Within("the end of all clients");
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task SIGTERM_lets_requests_finish_and_ends_with_code_0(TransportKind transport)
    {
        await using ChildProcess child = Serve(transport, ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        using RawClient idle = await RawClient.ConnectAsync(endPoint);
        Assert.Equal("hello", (await idle.GetAsync("/")).Text);
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        await client.SendAsync(RawClient.Get("/wait"));
        await child.ExpectAsync("waiting");

        child.Terminate();
        Assert.Equal("finished", (await client.ReadReplyAsync()).Text);
        await client.AssertFinAsync();
        await idle.AssertFinAsync();
        await child.ExpectAsync("stopped");
        Assert.Equal(0, await child.ExitCodeAsync());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Environment_Exit_under_load_ends_the_process(TransportKind transport)
    {
        const int Clients = 8;
        await using ChildProcess child = Serve(transport, ServingChild.Loopback);
        IPEndPoint endPoint = await child.ListeningAsync();
        Task[] load = [.. Enumerable.Range(0, Clients).Select(_ => Task.Run(() => LoadAsync(endPoint)))];
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal("hello", (await client.GetAsync("/")).Text);
        }

        await client.SendAsync(RawClient.Get("/exit"));
        Assert.Equal(ServingChild.ExitCode, await child.ExitCodeAsync());
        await Task.WhenAll(load).Within("the end of all clients");
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Fifty_reloads_of_an_endpoint_leak_neither_threads_nor_descriptors(TransportKind transport)
    {
        await using ChildProcess child = ChildProcess.Start("reload", transport.ToString());
        await child.ExpectAsync("reloaded 50 times");
        Assert.Equal(0, await child.ExitCodeAsync());
    }

    private static ChildProcess Serve(TransportKind transport, params string[] arguments)
        => ChildProcess.Start(["serve", transport.ToString(), .. arguments]);

    /// <summary>Opens connections with the given number of requests each, until the server is gone.</summary>
    private static async Task LoadAsync(IPEndPoint endPoint, int requests = int.MaxValue)
    {
        try
        {
            while (true)
            {
                using RawClient client = await RawClient.ConnectAsync(endPoint);
                for (int i = 0; i < requests; i++)
                {
                    Assert.Equal("hello", (await client.GetAsync("/")).Text);
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or EndOfStreamException)
        {
            // That is the end.
        }
    }
}
