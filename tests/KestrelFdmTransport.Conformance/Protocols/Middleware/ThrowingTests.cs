using System;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Middleware;

/// <summary>Connection middleware that throws: its connection ends, and the server goes on.</summary>
public sealed class ThrowingTests(ITestOutputHelper output) : OracleTest(output)
{
    [Theory, MemberData(nameof(OnFdm))]
    public Task A_throw_before_the_next_middleware_ends_the_connection(TransportKind candidate)
        => CompareThrowAsync(candidate, (_, _) => throw Failure(), request: "");

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_throw_before_the_next_middleware_and_after_a_yield_ends_the_connection(TransportKind candidate)
    {
        return CompareThrowAsync(
            candidate,
            async (_, _) =>
            {
                await Task.Yield();
                throw Failure();
            },
            request: "");
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_throw_after_a_read_ends_the_connection(TransportKind candidate)
    {
        return CompareThrowAsync(candidate, async (_, connection) =>
        {
            await connection.Transport.Input.ReadAsync();
            throw Failure();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_throw_after_a_write_ends_the_connection_behind_what_was_written(TransportKind candidate)
    {
        return CompareThrowAsync(candidate, async (_, connection) =>
        {
            await connection.Transport.Input.ReadAsync();
            await connection.Transport.Output.WriteAsync("written"u8.ToArray());
            throw Failure();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_throw_after_the_next_middleware_ends_the_connection_behind_the_response(TransportKind candidate)
    {
        return CompareThrowAsync(candidate, async (next, connection) =>
        {
            await next(connection);
            throw Failure();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_throw_after_the_next_middleware_and_a_yield_ends_the_connection_behind_the_response(
        TransportKind candidate)
    {
        return CompareThrowAsync(candidate, async (next, connection) =>
        {
            await next(connection);
            await Task.Yield();
            throw Failure();
        });
    }

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_throw_after_an_abort_resets_the_connection(TransportKind candidate)
    {
        return CompareThrowAsync(candidate, async (_, connection) =>
        {
            await connection.Transport.Input.ReadAsync();
            connection.Abort(new ConnectionAbortedException("The case aborts."));
            throw Failure();
        });
    }

    private static InvalidOperationException Failure() => new("The case throws.");

    /// <param name="candidate">The kind that has to do as Sockets does.</param>
    /// <param name="middleware">The one that throws.</param>
    /// <param name="request">Empty where the server reads nothing: bytes that come late would turn its FIN into a
    /// reset.</param>
    private async Task CompareThrowAsync(
        TransportKind candidate,
        Func<ConnectionDelegate, ConnectionContext, Task> middleware,
        string request = "GET / HTTP/1.0\r\n\r\n")
    {
        await CompareAsync(candidate, async (transport, transcript) =>
        {
            bool throws = false;
            var closed = new Signal();
            TestServer server = await StartAsync(
                transport,
                context => context.Response.WriteAsync("response"),
                new TestServerSetup
                {
                    Listen = options => options.Use(next => connection =>
                    {
                        if (!throws)
                        {
                            return next(connection);
                        }

                        connection.ConnectionClosed.Register(closed.Set);
                        return middleware(next, connection);
                    }),
                    ExpectedError = "Unhandled exception while processing",
                });

            // A connection that is there already must not notice anything.
            using RawClient witness = await server.ConnectAsync();
            Assert.Equal("response", (await witness.GetAsync("/")).Text);
            throws = true;
            using RawClient client = await server.ConnectAsync();
            await transcript.StepAsync("client", "reply", async () =>
            {
                await client.SendAsync(request);
                return $"{(await client.ReadToEndAsync()).Length} bytes and FIN";
            });
            await closed.Task.Within();
            throws = false;
            Assert.Equal("response", (await witness.GetAsync("/")).Text);
            using RawClient next = await server.ConnectAsync();
            Assert.Equal("response", (await next.GetAsync("/")).Text);

            await server.StopAsync().Within();
            foreach (LogEntry entry in server.Logs.Entries.Where(
                entry => entry.Is("Unhandled exception while processing")))
            {
                transcript.Add("kestrel", $"{entry.Level} {Observe.Describe(entry.Exception!)}");
            }
        });
    }
}
