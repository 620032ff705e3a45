using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance;

/// <summary>Connection handlers directly on the transport.</summary>
public sealed class RawConnectionTests(ITestOutputHelper output) : TransportTest(output)
{
    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_half_closed_client_receives_the_whole_echo_and_FIN(TransportKind transport)
    {
        const int Length = 1024 * 1024;
        var setup = new TestServerSetup { Listen = options => options.UseConnectionHandler<EchoHandler>() };
        TestServer server = await StartAsync(transport, _ => Task.CompletedTask, setup);
        using RawClient client = await server.ConnectAsync();

        Task<string> echo = client.ReadHashAsync(Length);
        await client.SendPatternAsync(Length).Within();
        client.HalfClose();
        Assert.Equal(BytePattern.Default.Hash(Length), await echo);
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task What_is_written_after_the_clients_FIN_still_arrives(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            await ReadToEndAsync(connection.Transport.Input);
            await connection.Transport.Output.WriteAsync("after the FIN"u8.ToArray());
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("something");
        client.HalfClose();
        Assert.Equal("after the FIN", Encoding.ASCII.GetString(await client.ReadToEndAsync()));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_handler_may_speak_first(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            await connection.Transport.Output.WriteAsync("banner\n"u8.ToArray());
            await Handlers.EchoRaw(connection);
        });
        using RawClient client = await server.ConnectAsync();

        Assert.Equal("banner\n", await client.ReadTextAsync(7));
        await client.SendAsync("reply");
        Assert.Equal("reply", await client.ReadTextAsync(5));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Small_messages_go_to_and_fro(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, Handlers.EchoRaw);
        using RawClient client = await server.ConnectAsync();

        for (int i = 0; i < 500; i++)
        {
            string message = $"message {i};";
            await client.SendAsync(message);
            Assert.Equal(message, await client.ReadTextAsync(message.Length));
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task What_was_flushed_before_the_handler_ends_arrives_before_FIN(TransportKind transport)
    {
        const int Length = 4 * 1024 * 1024;
        TestServer server = await StartRawAsync(
            transport,
            connection => Handlers.WritePatternAsync(connection.Transport.Output.AsStream(leaveOpen: true), Length));
        using RawClient client = await server.ConnectAsync();

        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_write_larger_than_any_block_arrives_whole(TransportKind transport)
    {
        const int Length = 8 * 1024 * 1024;
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            BytePattern.Default.Fill(connection.Transport.Output.GetSpan(Length)[..Length], 0);
            connection.Transport.Output.Advance(Length);
            await connection.Transport.Output.FlushAsync();
        });
        using RawClient client = await server.ConnectAsync();

        Assert.Equal(BytePattern.Default.Hash(Length), await client.ReadHashAsync(Length));
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Input_that_is_examined_and_not_consumed_is_seen_again(TransportKind transport)
    {
        const int Length = 256 * 1024;
        var seen = new Signal<bool>();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            PipeReader input = connection.Transport.Input;
            ReadResult result = await input.ReadAsync();
            while (result.Buffer.Length < Length)
            {
                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                result = await input.ReadAsync();
            }

            seen.Set(result.Buffer.ToArray().AsSpan().SequenceEqual(BytePattern.Default.Create(Length)));
            input.AdvanceTo(result.Buffer.End);
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendPatternAsync(Length).Within();
        Assert.True(await seen.Task.Within());
        await client.AssertFinAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_cancelled_read_reads_on_afterwards(TransportKind transport)
    {
        var waiting = new Signal<PipeReader>();
        var cancelled = new Signal<bool>();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            PipeReader input = connection.Transport.Input;
            ValueTask<ReadResult> reading = input.ReadAsync();
            waiting.Set(input);
            ReadResult result = await reading;
            cancelled.Set(result.IsCanceled && result.Buffer.IsEmpty);
            input.AdvanceTo(result.Buffer.End);
            await Handlers.EchoRaw(connection);
        });
        using RawClient client = await server.ConnectAsync();

        (await waiting.Task.Within()).CancelPendingRead();
        Assert.True(await cancelled.Task.Within());
        await client.SendAsync("still here");
        Assert.Equal("still here", await client.ReadTextAsync(10));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_reset_makes_the_reader_throw_ConnectionResetException(TransportKind transport)
    {
        var started = new Signal();
        var failure = new Signal<Exception>();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            started.Set();
            failure.Set(await Record.ExceptionAsync(() => ReadToEndAsync(connection.Transport.Input)));
        });
        using RawClient client = await server.ConnectAsync();

        await started.Task.Within();
        client.Reset();
        Assert.IsType<ConnectionResetException>(await failure.Task.Within());
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Completing_the_output_with_an_exception_resets_the_client(TransportKind transport)
    {
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            // Without this wait the reset may come before the client has connected.
            ReadResult result = await connection.Transport.Input.ReadAsync();
            connection.Transport.Input.AdvanceTo(result.Buffer.End);
            await connection.Transport.Output.CompleteAsync(new InvalidOperationException("Cut by the test."));
        });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("x");
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Completing_the_output_ends_with_FIN_while_the_handler_goes_on(TransportKind transport)
    {
        var mayEnd = new Signal();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            await connection.Transport.Output.WriteAsync("bye"u8.ToArray());
            await connection.Transport.Output.CompleteAsync();
            await mayEnd.Task;
        });
        using RawClient client = await server.ConnectAsync();

        Assert.Equal("bye", Encoding.ASCII.GetString(await client.ReadToEndAsync()));
        mayEnd.Set();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_handler_that_throws_ends_its_connection_alone(TransportKind transport)
    {
        TestServer server = await StartRawAsync(
            transport,
            async connection =>
            {
                ReadResult result = await connection.Transport.Input.ReadAsync();
                bool fails = result.Buffer.FirstSpan[0] == (byte)'!';
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
                if (fails)
                {
                    throw new InvalidOperationException("Thrown by the test.");
                }

                await connection.Transport.Output.WriteAsync("fine"u8.ToArray());
            },
            expectedError: "Unhandled exception while processing");

        using RawClient failing = await server.ConnectAsync();
        await failing.SendAsync("!");
        await failing.AssertFinAsync();

        using RawClient other = await server.ConnectAsync();
        await other.SendAsync("?");
        Assert.Equal("fine", Encoding.ASCII.GetString(await other.ReadToEndAsync()));
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_abort_under_a_lock_does_not_wait_for_a_reader_that_waits_for_the_lock(TransportKind transport)
    {
        var gate = new Lock();
        var reading = new Signal<ConnectionContext>();
        using var reached = new ManualResetEventSlim();
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            ValueTask<ReadResult> read = connection.Transport.Input.ReadAsync();
            reading.Set(connection);
            ReadResult result = await read;
            reached.Set();
            lock (gate)
            {
                connection.Transport.Input.AdvanceTo(result.Buffer.End);
            }
        });
        using RawClient client = await server.ConnectAsync();
        ConnectionContext connection = await reading.Task.Within();

        await Task.Run(() =>
        {
            lock (gate)
            {
                client.Send("x");
                Assert.True(reached.Wait(Eventually.Limit));
                connection.Abort();
            }
        }).Within("an abort under the lock");
        await client.AssertResetAsync();
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task An_abort_does_not_run_the_waiting_reader_on_the_callers_stack(TransportKind transport)
    {
        var gate = new Lock();
        for (int i = 0; i < 20; i++)
        {
            var reading = new Signal<ConnectionContext>();
            var ended = new Signal<(bool UnderTheLock, Exception? Failure)>();
            TestServer server = await StartRawAsync(transport, async connection =>
            {
                Task<ReadResult> read = connection.Transport.Input.ReadAsync().AsTask();
                reading.Set(connection);
                Exception? failure = null;
                try
                {
                    await read;
                }
                catch (ConnectionAbortedException exception)
                {
                    failure = exception;
                }

                ended.Set((gate.IsHeldByCurrentThread, failure));
            });
            using RawClient client = await server.ConnectAsync();
            ConnectionContext connection = await reading.Task.Within();

            lock (gate)
            {
                connection.Abort(new ConnectionAbortedException("Aborted by the test."));
            }

            (bool underTheLock, Exception? failure) = await ended.Task.Within();
            Assert.False(underTheLock);
            Assert.Equal("Aborted by the test.", failure?.Message);
            await client.AssertResetAsync();
        }
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task Concurrent_aborts_are_one(TransportKind transport)
    {
        var started = new Signal<ConnectionContext>();
        int closed = 0;
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            connection.ConnectionClosed.Register(() => Interlocked.Increment(ref closed));
            started.Set(connection);
            await Record.ExceptionAsync(() => ReadToEndAsync(connection.Transport.Input));
        });
        using RawClient client = await server.ConnectAsync();
        ConnectionContext connection = await started.Task.Within();

        Parallel.For(0, 8, _ => connection.Abort());
        await client.AssertResetAsync();
        await server.DisposeAsync();
        connection.Abort();
        Assert.Equal(1, closed);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task ConnectionClosed_fires_once_for_each_way_to_end_the_connection(TransportKind transport)
    {
        int closed = 0;
        int connections = 0;
        TestServer server = await StartRawAsync(transport, async connection =>
        {
            CancellationToken token = connection.ConnectionClosed;
            Assert.Equal(token, connection.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed);
            token.Register(() => Interlocked.Increment(ref closed));
            Interlocked.Increment(ref connections);
            await Record.ExceptionAsync(() => Handlers.EchoRaw(connection));
        });

        using (RawClient client = await server.ConnectAsync())
        {
            await client.SendAsync("x");
            await client.ReadTextAsync(1);
            client.HalfClose();
            await client.AssertFinAsync();
        }

        using (RawClient client = await server.ConnectAsync())
        {
            await client.SendAsync("x");
            await client.ReadTextAsync(1);
            client.Reset();
        }

        await server.DisposeAsync();
        Assert.Equal(2, connections);
        Assert.Equal(2, closed);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task The_endpoints_of_a_connection_are_known(TransportKind transport)
    {
        var endPoints = new Signal<(EndPoint? Local, EndPoint? Remote)>();
        TestServer server = await StartRawAsync(transport, connection =>
        {
            endPoints.Set((connection.LocalEndPoint, connection.RemoteEndPoint));
            return Task.CompletedTask;
        });
        using RawClient client = await server.ConnectAsync();

        Assert.Equal((client.RemoteEndPoint, client.LocalEndPoint), await endPoints.Task.Within());
    }

    private static async Task ReadToEndAsync(PipeReader input)
    {
        ReadResult result;
        do
        {
            result = await input.ReadAsync();
            input.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
    }

    private sealed class EchoHandler : ConnectionHandler
    {
        public override Task OnConnectedAsync(ConnectionContext connection) => Handlers.EchoRaw(connection);
    }
}
