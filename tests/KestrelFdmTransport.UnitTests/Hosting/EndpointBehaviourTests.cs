using System;
using System.IO;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>Two endpoints of one server, on the same loop, each of which behaves by its own options.</summary>
public sealed class EndpointBehaviourTests
{
    private const byte OnLoop = (byte)'L';
    private const byte OnPool = (byte)'P';

    /// <summary>More than the kernel holds for a connection.</summary>
    private const int Large = 32 * 1024 * 1024;

    [Fact]
    public async Task Callbacks_run_by_the_scheduling_of_their_endpoint()
    {
        await using WebApplication server = await StartAsync(
            ReportThreadAsync,
            pooled => pooled.Scheduling = ApplicationScheduling.ThreadPool,
            inline => inline.Scheduling = ApplicationScheduling.Inline);
        await using NetworkStream pooled = await ConnectAsync(server, 0);
        await using NetworkStream inline = await ConnectAsync(server, 1);

        // A byte that is there before the handler waits for it is read on the handler's thread.
        while (await EchoAsync(inline) != OnLoop)
        {
        }

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(OnPool, await EchoAsync(pooled));
        }
    }

    [Fact]
    public async Task An_adaptive_endpoint_loses_its_loop_although_the_transport_is_inline()
    {
        using var free = new SemaphoreSlim(0);
        await using WebApplication server = await StartAsync(
            async connection =>
            {
                ReadResult result = await connection.Transport.Input.ReadAsync();
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
                free.Wait();
            },
            adaptive => adaptive.Scheduling = ApplicationScheduling.Adaptive,
            inline => { },
            transport => transport.Scheduling = ApplicationScheduling.Inline,
            other: ReportThreadAsync);
        await using NetworkStream inline = await ConnectAsync(server, 1);
        IFdmTransport transport = server.Services.GetRequiredService<IFdmTransport>();

        // A handler that finds its byte at once blocks another thread.
        while (transport.GetThreadStatistics().Handoffs == 0)
        {
            await using NetworkStream blocked = await ConnectAsync(server, 0);
            await blocked.WriteAsync(new byte[1]);
            await EchoAsync(inline);
            free.Release();
        }
    }

    [Fact]
    public async Task A_connection_ends_by_the_idle_timeout_of_its_endpoint()
    {
        await using WebApplication server = await StartAsync(
            ReportThreadAsync,
            strict => strict.IdleTimeout = TimeSpan.FromMilliseconds(100),
            patient => { });
        await using NetworkStream patient = await ConnectAsync(server, 1);
        await using NetworkStream strict = await ConnectAsync(server, 0);

        await Assert.ThrowsAsync<IOException>(() => strict.ReadExactlyAsync(new byte[1]).AsTask().Within("its end"));
        await EchoAsync(patient);
    }

    [Fact]
    public async Task A_flush_waits_by_the_limit_of_its_endpoint()
    {
        var flushes = new TaskCompletionSource<bool>[] { new(), new() };
        int port = 0;
        await using WebApplication server = await StartAsync(
            async connection =>
            {
                int index = ((IPEndPoint)connection.LocalEndPoint!).Port == Volatile.Read(ref port) ? 0 : 1;
                Task flush = connection.Transport.Output.WriteAsync(new byte[Large]).AsTask();
                flushes[index].SetResult(flush.IsCompleted);
                await flush;
            },
            limited => limited.MaxWriteBufferSize = 1,
            free => free.MaxWriteBufferSize = null);
        port = Port(server, 0);

        await using NetworkStream limited = await ConnectAsync(server, 0);
        await using NetworkStream free = await ConnectAsync(server, 1);

        Assert.False(await flushes[0].Task.Within("a flush at the limit"));
        Assert.True(await flushes[1].Task.Within("a flush without a limit"));
        await limited.ReadExactlyAsync(new byte[Large]).AsTask().Within("the bytes of one");
        await free.ReadExactlyAsync(new byte[Large]).AsTask().Within("the bytes of the other");
    }

    [Fact]
    public async Task Receiving_pauses_by_the_limit_of_its_endpoint()
    {
        await using WebApplication server = await StartAsync(
            async connection =>
            {
                var closed = new TaskCompletionSource();
                await using CancellationTokenRegistration registration = connection.ConnectionClosed.Register(
                    closed.SetResult);
                await closed.Task;
            },
            limited => limited.MaxReadBufferSize = 1,
            free => free.MaxReadBufferSize = 0);
        await using NetworkStream limited = await ConnectAsync(server, 0);
        await using NetworkStream free = await ConnectAsync(server, 1);

        Task stuck = limited.WriteAsync(new byte[Large]).AsTask();
        await free.WriteAsync(new byte[Large]).AsTask().Within("the bytes without a limit");

        Assert.False(stuck.IsCompleted);
        limited.Socket.Close(0);
        await Assert.ThrowsAsync<IOException>(() => stuck.Within("the end of the other"));
    }

    /// <summary>A server with one loop, and handlers without HTTP.</summary>
    private static async Task<WebApplication> StartAsync(
        Func<ConnectionContext, Task> handler,
        Action<FdmEndpointOptions> first,
        Action<FdmEndpointOptions> second,
        Action<FdmTransportOptions>? transport = null,
        Func<ConnectionContext, Task>? other = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseFdmTransport(options =>
        {
            options.LoopCount = 1;
            transport?.Invoke(options);
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(first).Run(c => handler(c)));
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseFdm(second).Run(c => (other ?? handler)(c)));
        });
        WebApplication server = builder.Build();
        await server.StartAsync().Within("the start of the server");
        return server;
    }

    /// <summary>Answers each byte with where it was read.</summary>
    private static async Task ReportThreadAsync(ConnectionContext connection)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await connection.Transport.Input.ReadAsync();
            }
            catch (ConnectionAbortedException)
            {
                return;
            }

            connection.Transport.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }

            byte where = Thread.CurrentThread.IsThreadPoolThread ? OnPool : OnLoop;
            await connection.Transport.Output.WriteAsync(new[] { where });
        }
    }

    private static int Port(WebApplication server, int index)
        => ((IPEndPoint)server.Services.GetRequiredService<IFdmTransport>().GetEndpointStatistics()[index].EndPoint)
            .Port;

    private static async Task<NetworkStream> ConnectAsync(WebApplication server, int index)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Port(server, index))).Within("a connection");
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<byte> EchoAsync(NetworkStream stream)
    {
        byte[] answer = new byte[1];
        await stream.WriteAsync(answer);
        await stream.ReadExactlyAsync(answer).AsTask().Within("an answer");
        return answer[0];
    }
}
