using System;
using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Stress.Handoffs;
using Microsoft.AspNetCore.Http;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>The application: answers <c>/what/tag/length</c> with that many bytes of the tag's stream.</summary>
internal sealed class SoakRoutes(SoakCounters figures)
{
    internal const string TagHeader = "X-Tag";
    internal const string Plain = "plain";
    internal const string Blocking = "blocking";
    internal const string Computing = "computing";
    internal const string Later = "later";
    internal const string Upload = "upload";
    internal const string Aborted = "aborted";
    internal const string WebSocketPath = "/socket";

    private const int Chunk = 16 * 1024;

    internal async Task HandleAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
        {
            await EchoAsync(await context.WebSockets.AcceptWebSocketAsync(), context.RequestAborted);
            return;
        }

        string[] parts = context.Request.Path.Value!.Split('/');
        int tag = int.Parse(parts[2], CultureInfo.InvariantCulture);
        int length = int.Parse(parts[3], CultureInfo.InvariantCulture);
        context.Response.Headers[TagHeader] = parts[2];
        try
        {
            await WorkAsync(parts[1], tag % 4);
            if (context.Request.ContentLength is not null || context.Request.Headers.TransferEncoding.Count > 0)
            {
                await CheckAsync(context.Request.BodyReader, tag, length);
            }

            context.Response.ContentLength = length;
            await WriteAsync(
                context.Response.BodyWriter,
                tag,
                length,
                context,
                string.Equals(parts[1], Aborted, StringComparison.Ordinal));
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client has gone, which is its own affair: it checks what it has asked for.
            context.Abort();
        }
    }

    private static async Task WorkAsync(string what, int milliseconds)
    {
        switch (what)
        {
            case Blocking:
                Thread.Sleep(milliseconds);
                break;
            case Computing:
                long start = Stopwatch.GetTimestamp();
                while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds)
                {
                    Thread.SpinWait(100);
                }

                break;
            case Later:
                await Task.Delay(milliseconds);
                break;
        }
    }

    private static async Task WriteAsync(PipeWriter output, int tag, int length, HttpContext context, bool aborts)
    {
        for (int position = 0; position < length;)
        {
            int count = Math.Min(Chunk, length - position);
            Span<byte> span = output.GetSpan(count);
            count = Math.Min(count, span.Length);
            TaggedStream.Fill(span[..count], tag, position);
            output.Advance(count);
            position += count;
            await output.FlushAsync();
            if (aborts)
            {
                context.Abort();
                return;
            }
        }
    }

    private static async Task EchoAsync(WebSocket socket, CancellationToken aborted)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult result = await socket.ReceiveAsync(buffer.AsMemory(), aborted);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, aborted);
                    return;
                }

                await socket.SendAsync(
                    buffer.AsMemory(0, result.Count), result.MessageType, result.EndOfMessage, aborted);
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
            // As above.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task CheckAsync(PipeReader input, int tag, int length)
    {
        long position = 0;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                if (!TaggedStream.IsAt(segment.Span, tag, position))
                {
                    figures.Report(
                        $"Request {tag}: wrong bytes have come between {position} and {position + segment.Length}.");
                }

                position += segment.Length;
            }

            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                break;
            }
        }

        if (position != length)
        {
            figures.Report($"Request {tag}: {position} of {length} bytes have come.");
        }
    }
}
