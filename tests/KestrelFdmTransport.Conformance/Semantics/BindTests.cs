using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>What a factory says it can bind, and how binding succeeds and fails.</summary>
public sealed class BindTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";

    [Theory, MemberData(nameof(OnFdm))]
    public Task The_same_kinds_of_endpoints_can_be_bound(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        var selector = (IConnectionListenerFactorySelector)host.Factory;
        EndPoint?[] endPoints =
        [
            new IPEndPoint(IPAddress.Loopback, 80),
            new IPEndPoint(IPAddress.IPv6Any, 0),
            new DerivedEndPoint(),
            new UnixDomainSocketEndPoint("/never/bound.sock"),
            new UnixDomainSocketEndPoint("\0never-bound"),
            new FileHandleEndPoint(0, FileHandleType.Auto),
            new FileHandleEndPoint(ulong.MaxValue, FileHandleType.Pipe),
            new DnsEndPoint("localhost", 80),
            new DisguisedEndPoint(),
            null,
        ];
        foreach (EndPoint? endPoint in endPoints)
        {
            transcript.Step(App, $"{endPoint?.GetType().Name} {endPoint}", () => $"{selector.CanBind(endPoint!)}");
        }
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task Binding_has_happened_or_failed_when_the_call_returns(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        using Socket holder = BoundSocket();
        holder.Listen();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        transcript.Step(App, "free", () => Bind(host, TestServerSetup.FreeLoopbackPort));
        transcript.Step(
            App, "free with a cancelled token", () => Bind(host, TestServerSetup.FreeLoopbackPort, cancelled.Token));
        transcript.Step(App, "in use", () => Bind(host, holder.LocalEndPoint!));
        transcript.Step(App, "in use with a cancelled token", () => Bind(host, holder.LocalEndPoint!, cancelled.Token));
    });

    /// <remarks>Not compared: Sockets stumbles over the null, this transport refuses it.</remarks>
    [Theory, MemberData(nameof(OnBoth))]
    public async Task No_endpoint_at_all_makes_the_call_throw(TransportKind transport)
    {
        await using TransportHost host = TransportHost.Create(transport);
        Assert.StartsWith("the call threw", Bind(host, null!), StringComparison.Ordinal);
        await host.BindAsync();
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_address_that_cannot_be_bound_throws_what_the_kernel_said(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);

        // No machine has a TEST-NET-1 address, and there are no sockets below /proc.
        transcript.Step(App, "foreign address", () => Bind(host, new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0)));
        transcript.Step(App, "no directory", () => Bind(host, new UnixDomainSocketEndPoint("/proc/nowhere/fdm.sock")));
        transcript.Step(App, "name to resolve", () => Bind(host, new DnsEndPoint("localhost", 0)));
        transcript.Step(App, "afterwards", () => Bind(host, TestServerSetup.FreeLoopbackPort));
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_existing_socket_file_is_an_address_in_use_and_stays(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        string path = EndPoints.TemporarySocketPath();
        await File.WriteAllTextAsync(path, "left over");
        try
        {
            transcript.Step(App, "bind", () => Bind(host, new UnixDomainSocketEndPoint(path)));
            transcript.Add(App, await File.ReadAllTextAsync(path));
        }
        finally
        {
            File.Delete(path);
        }
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_address_that_turns_out_in_use_when_listening_is_a_plain_SocketException(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        // Two sockets with SO_REUSEADDR may be bound to one port as long as neither listens.
        using Socket first = BoundSocket();
        using Socket second = BoundSocket(first.LocalEndPoint);
        first.Listen();
        await using TransportHost host =
            TransportHost.Create(kind, options => options.CreateBoundListenSocket = _ => second);
        transcript.Step(App, "bind", () => Bind(host, TestServerSetup.FreeLoopbackPort));
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task One_factory_binds_an_address_once_and_again_after_the_unbind(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener first = await host.BindAsync();
        EndPoint endPoint = first.EndPoint;
        transcript.Add(App, $"{endPoint.GetType().Name} with a port: {((IPEndPoint)endPoint).Port != 0}");
        transcript.Step(App, "second", () => Bind(host, endPoint));
        await first.UnbindAsync().Within();
        transcript.Add(App, $"the endpoint after unbind is the same: {endPoint.Equals(first.EndPoint)}");
        transcript.Step(App, "third", () => Bind(host, endPoint));
        await first.DisposeAsync().Within();
        transcript.Add(App, $"the endpoint after disposal is the same: {endPoint.Equals(first.EndPoint)}");
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task An_endpoint_of_an_unknown_class_is_bound_by_its_address(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using TransportHost host = TransportHost.Create(kind);
        IConnectionListener listener = await host.BindAsync(new DisguisedEndPoint());
        transcript.Add(App, $"listens on {listener.EndPoint.GetType().Name}");

        var endPoint = new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)listener.EndPoint).Port);
        using RawClient client = await RawClient.ConnectAsync(endPoint);
        ConnectionContext connection = await TransportHost.AcceptAsync(listener);
        transcript.Add(App, $"{connection.LocalEndPoint!.GetType().Name} {connection.LocalEndPoint.Equals(endPoint)}");
        transcript.Add(
            App,
            $"{connection.RemoteEndPoint!.GetType().Name} {connection.RemoteEndPoint.Equals(client.LocalEndPoint)}");
        await connection.DisposeAsync().Within();
    });

    private static Socket BoundSocket(EndPoint? endPoint = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(endPoint ?? TestServerSetup.FreeLoopbackPort);
        return socket;
    }

    /// <summary>Tells an exception of the call from one of the task, and disposes of what was bound.</summary>
    private static string Bind(TransportHost host, EndPoint endPoint, CancellationToken cancellationToken = default)
    {
        ValueTask<IConnectionListener> binding;
        try
        {
            binding = host.Factory.BindAsync(endPoint, cancellationToken);
        }
        catch (Exception exception)
        {
            return $"the call threw {Observe.Describe(exception)}";
        }

        Assert.True(binding.IsCompleted);
        return Observe.Outcome(() =>
        {
            IConnectionListener listener = binding.GetAwaiter().GetResult();
            ValueTask disposing = listener.DisposeAsync();
            return $"bound, with {listener.EndPoint.GetType().Name}; "
                + $"{(disposing.AsTask().Wait(Eventually.Limit) ? "disposed" : "stuck")}";
        });
    }

    private sealed class DerivedEndPoint() : IPEndPoint(IPAddress.Loopback, 0);

    /// <summary>An IP endpoint that does not derive from <see cref="IPEndPoint"/>.</summary>
    private sealed class DisguisedEndPoint : EndPoint
    {
        private readonly IPEndPoint _real = new(IPAddress.Loopback, 0);

        public override AddressFamily AddressFamily => _real.AddressFamily;

        public override SocketAddress Serialize() => _real.Serialize();

        public override EndPoint Create(SocketAddress socketAddress) => _real.Create(socketAddress);

        public override string ToString() => "disguised";
    }
}
