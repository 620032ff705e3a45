using System;
using System.IO;
using System.IO.Pipelines;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Protocols.Middleware;

/// <summary>Connection middleware that stands between the transport's pipes and HTTP.</summary>
public sealed class WrappingTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Length = 1024 * 1024;

    [Theory, MemberData(nameof(OnBoth))]
    public Task Pipes_of_the_middlewares_own_carry_both_directions(TransportKind transport)
        => EchoThroughAsync(
            transport,
            options => options.Use(next => connection => PumpThroughOwnPipesAsync(next, connection)));

    [Theory, MemberData(nameof(OnBoth))]
    public Task A_stream_over_the_pipes_carries_both_directions(TransportKind transport)
        => EchoThroughAsync(
            transport,
            options => options.Use(next => connection => WrapInStreamAsync(next, connection, stream => stream)));

    [Theory, MemberData(nameof(OnBoth))]
    public Task Connection_logging_lets_all_through(TransportKind transport)
        => EchoThroughAsync(transport, options => options.UseConnectionLogging());

    [Theory, MemberData(nameof(OnBoth))]
    public Task Several_layers_carry_both_directions(TransportKind transport)
    {
        return EchoThroughAsync(transport, options =>
        {
            options.UseConnectionLogging();
            options.Use(next => connection => PumpThroughOwnPipesAsync(next, connection));
            options.Use(next => connection => WrapInStreamAsync(
                next, connection, stream => new MaskingStream(new MaskingStream(stream))));
        });
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_stream_may_change_every_byte(TransportKind transport)
    {
        TestServer server = await StartAsync(
            transport,
            context => context.Response.WriteAsync(context.Request.Path.Value!),
            new TestServerSetup
            {
                Listen = options => options.Use(
                    next => connection => WrapInStreamAsync(next, connection, stream => new MaskingStream(stream))),
            });
        using RawClient client = await server.ConnectAsync();

        byte[] request = Encoding.ASCII.GetBytes("GET /masked HTTP/1.0\r\n\r\n");
        MaskingStream.Mask(request);
        await client.SendAsync(request);
        byte[] reply = await client.ReadToEndAsync();
        MaskingStream.Mask(reply);
        Assert.EndsWith("\r\n\r\n/masked", Encoding.ASCII.GetString(reply), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task A_client_that_vanishes_behind_a_layer_aborts_the_request(TransportKind transport)
    {
        var request = new HangingRequest();
        TestServer server = await StartAsync(
            transport,
            request.HandleAsync,
            new TestServerSetup
            {
                Listen = options => options.Use(next => connection => PumpThroughOwnPipesAsync(next, connection)),
            });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync(RawClient.Get("/"));
        await request.UntilRunning;
        client.Reset();
        await request.UntilAborted;
    }

    [Theory, MemberData(nameof(OnBoth))]
    public async Task What_the_middleware_reads_after_HTTP_is_what_HTTP_has_left(TransportKind transport)
    {
        var left = new Signal<string>();
        TestServer server = await StartAsync(
            transport,
            context => context.Response.WriteAsync("last"),
            new TestServerSetup
            {
                Listen = options => options.Use(next => async connection =>
                {
                    await next(connection);
                    ReadResult result = await connection.Transport.Input.ReadAsync();
                    left.Set(Encoding.ASCII.GetString(result.Buffer));
                    connection.Transport.Input.AdvanceTo(result.Buffer.End);
                    await connection.Transport.Output.WriteAsync("from below"u8.ToArray());
                }),
            });
        using RawClient client = await server.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\nnot HTTP");
        Assert.Equal("last", (await client.ReadReplyAsync()).Text);
        Assert.Equal("from below", await client.ReadTextAsync(10));
        Assert.Equal("not HTTP", await left.Task.Within());
        await client.AssertFinAsync();
    }

    /// <summary>Copies the connection's pipes to and from two others, which are what HTTP sees.</summary>
    private static async Task PumpThroughOwnPipesAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        IDuplexPipe transport = connection.Transport;
        var toApplication = new Pipe();
        var fromApplication = new Pipe();
        Task receiving = transport.Input.CopyToAsync(toApplication.Writer).ContinueWith(
            copy => toApplication.Writer.Complete(copy.Exception?.InnerException), TaskScheduler.Default);
        Task sending = SendAsync(fromApplication.Reader, transport.Output);
        connection.Transport = new DuplexPipe(toApplication.Reader, fromApplication.Writer);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
            await fromApplication.Writer.CompleteAsync();
            await sending;
            transport.Input.CancelPendingRead();
            await toApplication.Reader.CompleteAsync();
            await receiving;
        }
    }

    private static async Task SendAsync(PipeReader source, PipeWriter destination)
    {
        await source.CopyToAsync(destination);
        await source.CompleteAsync();
    }

    private static async Task WrapInStreamAsync(
        ConnectionDelegate next, ConnectionContext connection, Func<Stream, Stream> wrap)
    {
        IDuplexPipe transport = connection.Transport;
        await using Stream stream = wrap(new DuplexPipeStream(transport));
        var pipe = new DuplexPipe(
            PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true)),
            PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true)));
        connection.Transport = pipe;
        try
        {
            await next(connection);
            await pipe.Output.CompleteAsync();
            await pipe.Input.CompleteAsync();
        }
        finally
        {
            connection.Transport = transport;
        }
    }

    private async Task EchoThroughAsync(TransportKind transport, Action<ListenOptions> wrap)
    {
        TestServer server = await StartAsync(transport, Handlers.HashBody, new TestServerSetup { Listen = wrap });
        TestServer downloads = await StartAsync(
            transport, context => Handlers.SendPattern(context, Length), new TestServerSetup { Listen = wrap });
        using RawClient upload = await server.ConnectAsync();
        using RawClient download = await downloads.ConnectAsync();

        for (int i = 0; i < 2; i++)
        {
            await upload.SendAsync($"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {Length}\r\n\r\n");
            await upload.SendPatternAsync(Length).Within();
            Assert.Equal(BytePattern.Default.Hash(Length), (await upload.ReadReplyAsync()).Text);
            await download.SendAsync(RawClient.Get("/"));
            await download.ReadHeadAsync();
            Assert.Equal(BytePattern.Default.Hash(Length), await download.ReadHashAsync(Length));
        }
    }
}
