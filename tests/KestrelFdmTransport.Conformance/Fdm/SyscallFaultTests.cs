using System;
using System.Collections.Generic;
using System.Globalization;
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

/// <summary>System calls of a server under load fail, for real: strace has the kernel say so.</summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class SyscallFaultTests(ITestOutputHelper output) : TransportTest(output)
{
    private const string Once = "5";
    private const string Repeatedly = "3+7";
    private const int Clients = 4;
    private const int Connections = 12;
    private const int Requests = 6;

    /// <summary>Calls of one kind that a request or a connection may cost; a loop that spins makes thousands.</summary>
    private const int CallsEach = 12;

    private readonly ITestOutputHelper _output = output;
    private int _answered;
    private int _lost;
    private int _unanswered;
    private int _wrong;

    /// <summary>Faults that no connection may notice.</summary>
    public static TheoryData<string, string[]> Harmless => new()
    {

        {
            "accept4",
            [
                "EINTR", "EAGAIN", "ECONNABORTED", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EPROTO", "EPERM",
                "EBADF", "EFAULT", "EINVAL", "ENOTSOCK", "EOPNOTSUPP"
            ]
        },
        { "recvfrom", ["EINTR"] },
        { "sendto", ["EINTR"] },
        { "sendmsg", ["EINTR"] },
        { "epoll_wait", ["EINTR"] },
        { "write", ["EINTR"] },
        { "close", ["EINTR", "EIO", "ENOSPC", "EDQUOT", "EBADF"] },
    };

    /// <summary>Faults that cost the connection whose call fails.</summary>
    public static TheoryData<string, string[]> Costly => new()
    {

        {
            "recvfrom",
            [
                "ECONNRESET", "ETIMEDOUT", "ENOMEM", "EIO", "EBADF", "ECONNREFUSED", "EFAULT", "EINVAL", "ENOTCONN",
                "ENOTSOCK"
            ]
        },

        {
            "sendto",
            [
                "ECONNRESET", "EPIPE", "ENOBUFS", "ENOMEM", "EACCES", "EBADF", "EDESTADDRREQ", "EFAULT", "EINVAL",
                "EISCONN", "EMSGSIZE", "ENOTCONN", "ENOTSOCK", "EOPNOTSUPP"
            ]
        },

        {
            "sendmsg",
            [
                "EPIPE", "ENOMEM", "ECONNRESET", "ENOBUFS", "EACCES", "EBADF", "EFAULT", "EINVAL", "EMSGSIZE",
                "ENOTCONN", "ENOTSOCK"
            ]
        },
        { "epoll_ctl", ["ENOMEM", "ENOSPC", "EBADF", "EEXIST", "EINVAL", "ELOOP", "ENOENT", "EPERM"] },
    };

    [SkippableTheory, MemberData(nameof(Harmless))]
    public Task No_connection_notices(string call, string[] errors) => RunAsync(call, errors, costs: false);

    [SkippableTheory, MemberData(nameof(Costly))]
    public Task No_more_connections_are_lost_than_calls_fail(string call, string[] errors)
        => RunAsync(call, errors, costs: true);

    [SkippableFact]
    public async Task A_loop_whose_epoll_fails_once_is_started_again()
    {
        await using ChildProcess child = ChildProcess.Start([.. FaultyServer.Arguments, ServingChild.LogToErrors]);
        IPEndPoint endPoint = await child.ListeningAsync();
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (!await FailsOnceAsync(child, endPoint))
        {
            limit.Token.ThrowIfCancellationRequested();
        }

        await AssertServesAsync(endPoint);
        Assert.Equal(0, _unanswered + _wrong);
        string log = await child.EndAsync();
        Assert.Equal(1, log.Split("the loop is restarted").Length - 1);
        Assert.DoesNotContain("the host is told to stop", log, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_server_whose_loops_fail_again_at_once_stops()
    {
        await using ChildProcess child = ChildProcess.Start(FaultyServer.Arguments);
        IPEndPoint endPoint = await child.ListeningAsync();

        // The threads of the loops that come instead are hit as well.
        await using FaultInjector injector = await FaultInjector.StartAsync(child, EpollWait, "EINVAL", Once);
        await LoadAsync(endPoint);
        await child.ExpectAsync("stopped");
        Assert.Equal(0, await child.ExitCodeAsync());
    }

    /// <summary>libc's own choice for the same function.</summary>
    private static string EpollWait
        => System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
            == System.Runtime.InteropServices.Architecture.X64
            ? "epoll_wait"
            : "epoll_pwait";

    /// <summary>
    /// False if the thread has lost its loop since it was found: on a busy machine a new process stalls now and then.
    /// </summary>
    private async Task<bool> FailsOnceAsync(ChildProcess child, IPEndPoint endPoint)
    {
        const int Loads = 4;
        await using FaultInjector injector =
            await FaultInjector.StartAsync(child, EpollWait, "EINVAL", Once, FaultyServer.WaitingThread);
        for (int i = 0; i < Loads && injector.Count.Injected == 0; i++)
        {
            await LoadAsync(endPoint);
        }

        await injector.StopAsync();
        return injector.Count.Injected > 0;
    }

    private async Task RunAsync(string call, string[] errors, bool costs)
    {
        int injectedInAll = 0;
        List<string> broken = [];
        foreach ((string error, string when)
            in errors.SelectMany(error => new[] { (error, Once), (error, Repeatedly) }))
        {
            // Each in a process of its own: a loop may still pause from the errors before. The end of the pause would
            // meet this error too, and then every client that waits is closed.
            await using ChildProcess child = ChildProcess.Start(FaultyServer.Arguments);
            IPEndPoint endPoint = await child.ListeningAsync();
            (int injected, string? figures) = await JudgeAsync(child, endPoint, call, (error, when), costs);
            injectedInAll += injected;
            if (figures is not null)
            {
                broken.Add(figures);
            }
        }

        Assert.Empty(broken);
        Assert.NotEqual(0, injectedInAll);
    }

    /// <returns>How many calls have failed, and the figures if they are not as they should be.</returns>
    private async Task<(int Injected, string? Broken)> JudgeAsync(
        ChildProcess child, IPEndPoint endPoint, string call, (string Error, string When) fault, bool costs)
    {
        (int calls, int injected) = await RunAsync(child, endPoint, call, fault.Error, fault.When);
        string figures = string.Create(
            CultureInfo.InvariantCulture,
            $"{call} {fault.Error} {fault.When}: {calls} calls, {injected} failed, {_answered} answered, {_lost} lost, "
                + $"{_unanswered} in vain, {_wrong} wrong");
        string? problem = await ProblemAsync(endPoint);
        _output.WriteLine($"{figures}{problem}");
        bool isBroken = problem is not null
            || _lost > (costs ? injected : 0)
            || _unanswered + _wrong > 0
            || calls > CallsEach * Clients * Connections * Requests;
        return (injected, isBroken ? figures + problem : null);
    }

    private async Task<(int Calls, int Injected)> RunAsync(
        ChildProcess child, IPEndPoint endPoint, string call, string error, string when)
    {
        (_answered, _lost, _unanswered, _wrong) = (0, 0, 0, 0);
        await using FaultInjector injector = await FaultInjector.StartAsync(
            child, string.Equals(call, "epoll_wait", StringComparison.Ordinal) ? EpollWait : call, error, when);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => LoadAsync(endPoint)));
        await injector.StopAsync();
        return injector.Count;
    }

    private static async Task<string?> ProblemAsync(IPEndPoint endPoint)
    {
        Exception? exception = await Record.ExceptionAsync(
            () => AssertServesAsync(endPoint).WaitAsync(FaultyServer.Patience));
        return exception is null ? null : $"; afterwards {exception.Message}";
    }

    private static async Task AssertServesAsync(IPEndPoint endPoint)
    {
        for (int i = 0; i < 8; i++)
        {
            using RawClient client = await RawClient.ConnectAsync(endPoint);
            Assert.Equal("hello", (await client.GetAsync("/")).Text);
        }
    }

    private async Task LoadAsync(IPEndPoint endPoint)
    {
        for (int i = 0; i < Connections; i++)
        {
            try
            {
                using RawClient client = await RawClient.ConnectAsync(endPoint);
                for (int j = 0; j < Requests; j++)
                {
                    await CheckAsync(client, j % 2 == 0).WaitAsync(FaultyServer.Patience);
                    Interlocked.Increment(ref _answered);
                }
            }
            catch (Exception exception) when (exception is SocketException or EndOfStreamException)
            {
                Interlocked.Increment(ref _lost);
            }
            catch (TimeoutException)
            {
                Interlocked.Increment(ref _unanswered);
            }
            catch (Exception exception)
            {
                // What does not follow what came before may trip the client anywhere.
                Interlocked.Increment(ref _wrong);
                _output.WriteLine(exception.ToString());
            }
        }
    }

    private static async Task CheckAsync(RawClient client, bool small)
    {
        if (small)
        {
            Assert.Equal("hello", (await client.GetAsync("/")).Text);
            return;
        }

        await client.SendAsync(RawClient.Get("/pattern"));
        (int status, _) = await client.ReadHeadAsync();
        Assert.Equal(200, status);
        byte[] expected = new byte[ServingChild.PatternLength];
        BytePattern.Default.Fill(expected, 0);
        Assert.Equal(expected, await client.ReadExactlyAsync(expected.Length));
    }
}
