using System;
using System.Collections.Concurrent;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>A new process takes over from an old one: both have the same listen socket for a while.</summary>
[Trait("Category", "Slow")]
public sealed class RestartTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Clients = 4;
    private const int MinRequests = 500;

    private readonly ConcurrentQueue<string> _problems = new();
    private int _answered;
    private volatile bool _ending;

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_restart_with_an_inherited_descriptor_refuses_no_connection_and_cuts_no_response(
        TransportKind transport)
    {
        using var socket = new InheritableSocket();
        await RestartAsync(
            socket,
            () => ChildProcess.Start("serve", transport.ToString(), $"{ServingChild.Handle}{socket.Descriptor}"));
    }

    [SkippableTheory, MemberData(nameof(OnBoth))]
    public async Task A_restart_with_a_socket_of_systemd_refuses_no_connection_and_cuts_no_response(
        TransportKind transport)
    {
        Skip.IfNot(File.Exists("/bin/bash"), "There is no bash, which moves descriptors of any number.");
        using var socket = new InheritableSocket();
        await RestartAsync(socket, () => ChildProcess.StartByBash(
            $"exec 3<&{socket.Descriptor} {socket.Descriptor}<&-; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"",
            "serve",
            transport.ToString(),
            ServingChild.Systemd));
    }

    private async Task RestartAsync(InheritableSocket socket, Func<ChildProcess> start)
    {
        await using ChildProcess old = start();
        Assert.Equal(socket.EndPoint, await old.ListeningAsync());
        using RawClient waiting = await RawClient.ConnectAsync(socket.EndPoint);
        await waiting.SendAsync(RawClient.Get("/wait"));
        await old.ExpectAsync("waiting");
        Task[] load = [.. Enumerable.Range(0, Clients).Select(
            number => Task.Run(() => LoadAsync(socket.EndPoint, new Random(number))))];
        await UntilAnsweredAsync(MinRequests);

        await using ChildProcess young = start();
        Assert.Equal(socket.EndPoint, await young.ListeningAsync());
        old.Terminate();
        Assert.Equal("finished", (await waiting.ReadReplyAsync()).Text);
        await waiting.AssertFinAsync();
        await old.ExpectAsync("stopped");
        Assert.Equal(0, await old.ExitCodeAsync());

        await UntilAnsweredAsync(Volatile.Read(ref _answered) + MinRequests);
        _ending = true;
        await Task.WhenAll(load).Within("the end of all clients");
        Assert.Empty(_problems);
        young.Terminate();
        await young.ExpectAsync("stopped");
    }

    private Task UntilAnsweredAsync(int count)
        => Eventually.UntilAsync(
            () => Volatile.Read(ref _answered) >= count || !_problems.IsEmpty,
            () => $"{_answered} of {count} requests");

    /// <summary>
    /// Some requests on each connection. One that ends without a byte of the response is asked again, as HTTP clients
    /// do.
    /// </summary>
    private async Task LoadAsync(IPEndPoint endPoint, Random random)
    {
        try
        {
            while (!_ending)
            {
                using RawClient client = await RawClient.ConnectAsync(endPoint);
                for (int left = random.Next(1, 10); left > 0 && await IsOpenAfterRequestAsync(client); left--)
                {
                    Assert.Equal("hello", (await client.ReadReplyAsync()).Text);
                    Interlocked.Increment(ref _answered);
                }
            }
        }
        catch (Exception exception)
        {
            // A refused connection, or a response that breaks off.
            _problems.Enqueue(exception.ToString());
        }
    }

    private static async Task<bool> IsOpenAfterRequestAsync(RawClient client)
    {
        try
        {
            await client.SendAsync(RawClient.Get("/"));
            return !await client.IsAtEndAsync();
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
