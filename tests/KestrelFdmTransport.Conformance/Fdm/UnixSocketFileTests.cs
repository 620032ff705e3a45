using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Semantics;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>The files of Unix sockets: their permissions, and those that a dead process has left.</summary>
public sealed class UnixSocketFileTests(ITestOutputHelper output) : TransportTest(output)
{
    private const UnixFileMode Permissions =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly string _path = EndPoints.TemporarySocketPath();

    private UnixDomainSocketEndPoint EndPoint => new(_path);

    public static TheoryData<UnixFileMode> Modes => new(
        UnixFileMode.UserRead | UnixFileMode.UserWrite,
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite,
        Permissions);

    [Theory, MemberData(nameof(Modes))]
    public async Task The_file_has_the_permissions_that_the_option_says(UnixFileMode mode)
    {
        FdmHarness harness = CreateHarness(options => options.UnixSocketFileMode = mode);
        IConnectionListener listener = await harness.BindAsync(EndPoint);

        Assert.Equal(mode, Mode(_path));
        await AssertServedAsync(listener);
        await listener.DisposeAsync().Within();
        Assert.False(File.Exists(_path));
    }

    [Fact]
    public async Task Without_the_option_the_file_has_what_the_umask_leaves()
    {
        string other = EndPoints.TemporarySocketPath();
        using var plain = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        plain.Bind(new UnixDomainSocketEndPoint(other));
        FdmHarness harness = CreateHarness();
        IConnectionListener listener = await harness.BindAsync(EndPoint);

        Assert.Equal(Mode(other), Mode(_path));
        await listener.DisposeAsync().Within();
    }

    [Fact]
    public async Task Endpoints_without_a_file_are_served_under_all_options()
    {
        FdmHarness harness = CreateHarness(options => options.UnixSocketFileMode = UnixFileMode.UserRead);
        foreach (EndPoint endPoint
            in new EndPoint[]
            {
                new UnixDomainSocketEndPoint($"\0fdm-test-{Guid.NewGuid():N}"),
                TestServerSetup.FreeLoopbackPort
            })
        {
            IConnectionListener listener = await harness.BindAsync(endPoint);
            await AssertServedAsync(listener);
            await listener.DisposeAsync().Within();
        }
    }

    [Fact]
    public async Task The_file_of_a_handle_is_left_to_its_owner()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(EndPoint);
        UnixFileMode before = Mode(_path);
        FdmHarness harness = CreateHarness(options => options.UnixSocketFileMode = UnixFileMode.UserRead);
        IConnectionListener listener = await harness.BindAsync(
            new FileHandleEndPoint((ulong)socket.Handle, FileHandleType.Auto));

        Assert.Equal(before, Mode(_path));
        await listener.DisposeAsync().Within();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_stops_leaves_the_file_of_its_successor(bool ownSocket)
    {
        IConnectionListener old = await CreateHarness(
            options => options.CreateBoundListenSocket = ownSocket ? Bound : options.CreateBoundListenSocket)
            .BindAsync(EndPoint);
        File.Delete(_path);
        IConnectionListener successor = await CreateHarness().BindAsync(EndPoint);

        await old.DisposeAsync().Within();

        await AssertServedAsync(successor);
        await successor.DisposeAsync().Within();
        Assert.False(File.Exists(_path));

        static Socket Bound(EndPoint endPoint)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(endPoint);
            return socket;
        }
    }

    [Fact]
    public async Task The_file_of_a_socket_that_the_application_has_bound_goes_with_the_endpoint()
    {
        IConnectionListener listener = await CreateHarness(
            options => options.CreateBoundListenSocket = endPoint => FdmTransportOptions.CreateDefaultBoundListenSocket(
                endPoint))
            .BindAsync(EndPoint);
        await AssertServedAsync(listener);
        await listener.DisposeAsync().Within();
        Assert.False(File.Exists(_path));
    }

    [Fact]
    public async Task A_file_without_a_listener_is_replaced()
    {
        LeaveStale();
        FdmHarness harness = CreateHarness();
        IConnectionListener listener = await harness.BindAsync(EndPoint);

        await AssertServedAsync(listener);
        await listener.DisposeAsync().Within();
        Assert.False(File.Exists(_path));
    }

    [Fact]
    public async Task A_file_without_a_listener_may_be_left_alone()
    {
        LeaveStale();
        FdmHarness harness = CreateHarness(options => options.ReplaceStaleUnixSocket = false);

        await AssertInUseAsync(harness);
        File.Delete(_path);
    }

    [Fact]
    public async Task A_file_with_a_listener_is_not_replaced()
    {
        FdmHarness harness = CreateHarness();
        IConnectionListener listener = await harness.BindAsync(EndPoint);

        await AssertInUseAsync(CreateHarness());

        // The one that asked whether there is a listener was a client.
        ConnectionContext question = Assert.IsAssignableFrom<ConnectionContext>(
            await listener.AcceptAsync().Within("a connection"));
        Assert.Equal("\"\", completed", await question.ReadOnceAsync());
        await question.DisposeAsync().Within();
        await AssertServedAsync(listener);
        await listener.DisposeAsync().Within();
    }

    [Fact]
    public async Task A_server_that_cannot_replace_the_file_says_which_it_is()
    {
        var setup = new TestServerSetup { EndPoints = [EndPoint] };
        await StartAsync(TransportKind.Fdm, _ => Task.CompletedTask, setup);

        IOException failure = await Assert.ThrowsAsync<IOException>(
            () => StartAsync(TransportKind.Fdm, _ => Task.CompletedTask, setup));
        Assert.Contains(_path, failure.Message, StringComparison.Ordinal);
        Assert.IsType<AddressInUseException>(failure.InnerException);
    }

    [Fact]
    public async Task A_file_whose_listener_has_no_room_at_the_moment_is_not_replaced()
    {
        using var busy = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        busy.Bind(EndPoint);
        busy.Listen(0);
        using RawClient waiting = await RawClient.ConnectAsync(EndPoint);

        await AssertInUseAsync(CreateHarness());
        using Socket accepted = await busy.AcceptAsync().Within("the client that waits");
    }

    [Fact]
    public async Task The_file_of_a_datagram_socket_is_not_replaced()
    {
        using var datagrams = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        datagrams.Bind(EndPoint);

        await AssertInUseAsync(CreateHarness());
    }

    [Theory]
    [InlineData("file")]
    [InlineData("directory")]
    [InlineData("link to a stale socket")]
    [InlineData("link to nowhere")]
    public async Task Anything_else_is_not_replaced(string kind)
    {
        string target = _path + ".target";
        switch (kind)
        {
            case "file":
                await File.WriteAllTextAsync(_path, "precious");
                break;
            case "directory":
                Directory.CreateDirectory(_path);
                break;
            case "link to a stale socket":
                LeaveStale();
                File.Move(_path, target);
                File.CreateSymbolicLink(_path, target);
                break;
            default:
                File.CreateSymbolicLink(_path, target);
                break;
        }

        FileAttributes before = File.GetAttributes(_path);
        await AssertInUseAsync(CreateHarness());
        Assert.Equal(before, File.GetAttributes(_path));
        if (string.Equals(kind, "directory", StringComparison.Ordinal))
        {
            Directory.Delete(_path);
        }

        File.Delete(_path);
        File.Delete(target);
    }

    /// <summary>A socket deletes its file when it is closed, unless the file has another name by then.</summary>
    private void LeaveStale()
    {
        string former = _path + ".former";
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(former));
            socket.Listen();
            File.Move(former, _path);
        }

        Assert.True(File.Exists(_path));
    }

    private async Task AssertInUseAsync(FdmHarness harness)
    {
        await Assert.ThrowsAsync<AddressInUseException>(() => harness.BindAsync(EndPoint));
        Assert.True(Path.Exists(_path) || new FileInfo(_path).LinkTarget is not null);
    }

    private static UnixFileMode Mode(string path)
        => OperatingSystem.IsWindows()
            ? throw new PlatformNotSupportedException()
            : File.GetUnixFileMode(path) & Permissions;

    private static async Task AssertServedAsync(IConnectionListener listener)
    {
        using RawClient client = await RawClient.ConnectAsync(listener.EndPoint);
        ConnectionContext connection = Assert.IsAssignableFrom<ConnectionContext>(
            await listener.AcceptAsync().Within("a connection"));
        await client.SendAsync("ping");
        Assert.Equal("ping", await connection.ReadTextAsync(4));
        await connection.DisposeAsync().Within();
    }

    private FdmHarness CreateHarness(Action<FdmTransportOptions>? configure = null)
    {
        var harness = new FdmHarness(TransportKind.Fdm, configure);
        CheckAfterwards(harness, harness.Logs);
        return harness;
    }
}
