using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>
/// Every call of the hot path fails with every error that its manual page lists, once and again and again, while
/// clients are served. The conformance suite has the kernel do the same where it can.
/// </summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class InjectedSyscallFaultTests(ITestOutputHelper output)
{
    private const int Clients = 4;
    private const int Connections = 6;
    private const int Messages = 4;
    private const int Short = 100;
    private const int Long = 40_000;

    /// <summary>Calls of one kind that a message or a connection may cost; a loop that spins makes thousands.</summary>
    private const int CallsEach = 40;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private int _answered;
    private int _lost;

    /// <summary>Errors that no connection may notice.</summary>
    public static TheoryData<string, string> Harmless => Cases(
        (
            "Accept",
            "EINTR EAGAIN EBADF ECONNABORTED EFAULT EINVAL EMFILE ENFILE ENOBUFS ENOMEM ENOTSOCK EOPNOTSUPP EPERM "
                + "EPROTO ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH ENETUNREACH ENOSR ESOCKTNOSUPPORT "
                + "EPROTONOSUPPORT ETIMEDOUT"),
        ("Receive", "EINTR"),
        ("Send", "EINTR"),
        ("SendMessage", "EINTR"),
        ("EpollWait", "EINTR"),
        ("EpollDelete", "EBADF EINVAL ENOENT ENOMEM EPERM"),
        ("WriteEventFd", "EAGAIN EBADF EDESTADDRREQ EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE EDQUOT"),
        ("Close", "EBADF EINTR EIO ENOSPC EDQUOT"));

    /// <summary>Errors that cost the connection whose call fails.</summary>
    /// <remarks>
    /// Without EAGAIN: from a socket that is ready it would be a lie, and the readiness that it promises would never
    /// come.
    /// </remarks>
    public static TheoryData<string, string> Costly => Cases(
        (
            "Receive",
            "EBADF ECONNREFUSED ECONNRESET EFAULT EINVAL EIO ENOMEM ENOTCONN ENOTSOCK ETIMEDOUT EHOSTUNREACH "
                + "ENETUNREACH"),
        (
            "Send",
            "EACCES EALREADY EBADF ECONNRESET EDESTADDRREQ EFAULT EINVAL EISCONN EMSGSIZE ENOBUFS ENOMEM ENOTCONN "
                + "ENOTSOCK EOPNOTSUPP EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH"),
        (
            "SendMessage",
            "EACCES EALREADY EBADF ECONNRESET EDESTADDRREQ EFAULT EINVAL EISCONN EMSGSIZE ENOBUFS ENOMEM ENOTCONN "
                + "ENOTSOCK EOPNOTSUPP EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH"),
        ("EpollAdd", "EBADF EEXIST EINVAL ELOOP ENOENT ENOMEM ENOSPC EPERM"));

    [Theory, MemberData(nameof(Harmless))]
    public async Task No_connection_notices(string call, string error)
    {
        await RunAsync(call, error, first: 5, step: 0, (_, _) => Assert.Equal(0, _lost));
        await RunAsync(call, error, first: 3, step: 7, (_, _) => Assert.Equal(0, _lost));
    }

    [Theory, MemberData(nameof(Costly))]
    public async Task Only_the_connections_whose_calls_fail_are_lost_and_both_application_and_log_know(
        string call,
        string error)
    {
        await RunAsync(call, error, first: 5, step: 0, (server, faults) => Check(server, faults, call));
        await RunAsync(call, error, first: 3, step: 7, (server, faults) => Check(server, faults, call));
    }

    [Theory]
    [InlineData("EBADF")]
    [InlineData("EFAULT")]
    [InlineData("EINVAL")]
    public Task A_loop_that_cannot_wait_is_logged_once_and_started_again(string error)
        => RunAsync("EpollWait", error, first: 5, step: 0, (server, _) =>
        {
            Assert.InRange(_lost, 0, Clients);
            Assert.Equal(1, server.Events.Count("LoopFailed"));
            Assert.Equal(0, server.Events.Count("LoopGivenUp"));
        });

    [Theory]
    [InlineData("EMFILE")]
    [InlineData("ENFILE")]
    [InlineData("ENOBUFS")]
    [InlineData("ENOMEM")]
    public async Task While_everything_has_run_out_accepting_pauses_and_then_continues(string error)
    {
        const int LeastCalls = 16;
        await using EchoServer server = await EchoServer.StartAsync(ApplicationScheduling.Adaptive);
        Task clients;
        using (var faults = new Faults(Syscall.Accept, error, first: 1, step: 1))
        {
            long started = Stopwatch.GetTimestamp();
            clients = Task.WhenAll(
                Enumerable.Range(0, Clients).Select(client => RunClientAsync(server.EndPoint, client)));
            Eventually.Until(() => faults.Calls >= LeastCalls, "the calls");

            // A pause takes 10 ms at least, on either loop.
            Assert.InRange(LeastCalls, 0, 2 * (1 + (Stopwatch.GetElapsedTime(started).TotalMilliseconds / 10)));
            Assert.InRange(server.Events.Count("AcceptPaused"), 1, LeastCalls);
        }

        await clients.Within("the clients");
        Assert.Equal((Clients * Connections * Messages, 0), (_answered, _lost));
    }

    [Fact]
    public Task A_loop_that_cannot_be_woken_is_logged()
        => RunAsync(
            "WriteEventFd",
            "EIO",
            first: 1,
            step: 1,
            (server, _) => Eventually.Until(() => server.Events.Count("WakeUpFailed") > 0, "the log event"));

    private static TheoryData<string, string> Cases(params (string Call, string Errors)[] calls)
    {
        TheoryData<string, string> cases = [];
        foreach ((string call, string errors) in calls)
        {
            foreach (string error in errors.Split(' '))
            {
                cases.Add(call, error);
            }
        }

        return cases;
    }

    private void Check(EchoServer server, Faults faults, string call)
    {
        Assert.InRange(_lost, 0, faults.Failed);
        if (!string.Equals(call, "EpollAdd", StringComparison.Ordinal))
        {
            // The client may have left before with all it wanted; the application still gets its error.
            Assert.Equal(
                faults.Failed,
                server.Events.Count("ConnectionError") + server.Events.Count("ConnectionReset"));
            SocketError expected = SocketErrors.FromErrno(faults.Errno);
            Assert.All(server.SocketErrors(), error => Assert.Equal(expected, error));
        }
    }

    private async Task RunAsync(string call, string error, int first, int step, Action<EchoServer, Faults> check)
    {
        (_answered, _lost) = (0, 0);
        bool wakes = string.Equals(call, "WriteEventFd", StringComparison.Ordinal);
        await using EchoServer server = await EchoServer.StartAsync(
            wakes ? ApplicationScheduling.ThreadPool : ApplicationScheduling.Adaptive);
        using (var faults = new Faults(Enum.Parse<Syscall>(call), error, first, step))
        {
            await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => RunClientAsync(server.EndPoint, client)));
            output.WriteLine(
                $"{call} {error}: {faults.Failed} of {faults.Calls} failed, {_answered} answered, {_lost} lost");
            Assert.InRange(faults.Calls, 1, CallsEach * Clients * Connections * Messages);
            Assert.NotEqual(0, faults.Failed);
            check(server, faults);
        }

        (_answered, _lost) = (0, 0);
        await RunClientAsync(server.EndPoint, Clients);
        Assert.Equal((Connections * Messages, 0), (_answered, _lost));
    }

    private async Task RunClientAsync(EndPoint endPoint, int seed)
    {
        var pattern = new BytePattern(seed);
        byte[] sent = new byte[Long];
        byte[] received = new byte[Long];
        for (int i = 0; i < Connections; i++)
        {
            using var client =
                new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await client.ConnectAsync(endPoint);
                for (int j = 0; j < Messages; j++)
                {
                    int length = j % 2 == 0 ? Short : Long;
                    pattern.Fill(sent.AsSpan(0, length), i + j);
                    await Task.WhenAll(
                        SendAsync(client, sent.AsMemory(0, length)),
                        ReceiveAsync(client, received.AsMemory(0, length))).WaitAsync(s_patience);
                    Assert.True(
                        received.AsSpan(0, length).SequenceEqual(sent.AsSpan(0, length)),
                        "Other bytes came back than were sent.");
                    Interlocked.Increment(ref _answered);
                }
            }
            catch (Exception exception) when (exception is SocketException or EndOfStreamException)
            {
                Interlocked.Increment(ref _lost);
            }
        }
    }

    private static async Task SendAsync(Socket client, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await client.SendAsync(bytes)..];
        }
    }

    private static async Task ReceiveAsync(Socket client, Memory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = await client.ReceiveAsync(bytes);
            bytes = count > 0 ? bytes[count..] : throw new EndOfStreamException();
        }
    }
}
