using System;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

/// <summary>The transport on a platform that has none of its system calls, as a copy of it finds one here.</summary>
public sealed class WithoutLibCTests
{
    private static readonly Assembly s_copy = Load();

    [Fact]
    public void A_factory_is_made_and_leaves_its_endpoints_to_Sockets()
    {
        using var factory = (IDisposable)Create(typeof(FdmTransportFactory), null);

        Assert.False(((IConnectionListenerFactorySelector)factory).CanBind(new IPEndPoint(IPAddress.Loopback, 0)));
    }

    [Fact]
    public async Task Outgoing_connections_are_those_of_plain_sockets()
    {
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        peer.Listen();
        await using var factory = (IAsyncDisposable)Create(typeof(FdmConnectionFactory), null);

        await using ConnectionContext connection =
            await ((IConnectionFactory)factory).ConnectAsync(peer.LocalEndPoint!).AsTask().Within("the connection");

        Assert.Equal(peer.LocalEndPoint, connection.RemoteEndPoint);
    }

    private static Assembly Load()
    {
        Assembly copy = new AssemblyLoadContext("without libc").LoadFromAssemblyPath(
            typeof(FdmTransportFactory).Assembly.Location);
        NativeLibrary.SetDllImportResolver(copy, static (name, _, _) => throw new DllNotFoundException(name));
        return copy;
    }

    private static object Create(Type type, object? third)
    {
        object options = Activator.CreateInstance(CopyOf(typeof(FdmTransportOptions)))!;
        object wrapped = typeof(Options).GetMethod(nameof(Options.Create))!.MakeGenericMethod(options.GetType())
            .Invoke(null, [options])!;
        return Activator.CreateInstance(CopyOf(type), wrapped, NullLoggerFactory.Instance, third)!;
    }

    private static Type CopyOf(Type type) => s_copy.GetType(type.FullName!, throwOnError: true)!;
}
