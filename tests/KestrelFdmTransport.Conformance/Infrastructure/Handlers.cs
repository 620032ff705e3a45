using System;
using System.IO;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>Applications that several cases share.</summary>
internal static class Handlers
{
    private const int ChunkSize = 64 * 1024;

    /// <summary>Answers with what the request brings, while it is still coming.</summary>
    public static async Task EchoBody(HttpContext context)
    {
        context.Response.ContentLength = context.Request.ContentLength;
        await context.Request.Body.CopyToAsync(context.Response.Body);
    }

    /// <summary>Answers with the SHA-256 of the request body.</summary>
    public static async Task HashBody(HttpContext context)
    {
        byte[] hash = await SHA256.HashDataAsync(context.Request.Body, context.RequestAborted);
        await context.Response.WriteAsync(Convert.ToHexString(hash));
    }

    /// <summary>Answers with the first <paramref name="length"/> bytes of the pattern.</summary>
    public static async Task SendPattern(HttpContext context, long length)
    {
        context.Response.ContentLength = length;
        await WritePatternAsync(context.Response.Body, length);
    }

    public static async Task WritePatternAsync(Stream body, long length)
    {
        byte[] chunk = new byte[ChunkSize];
        for (long offset = 0; offset < length; offset += chunk.Length)
        {
            Memory<byte> part = chunk.AsMemory(0, (int)Math.Min(chunk.Length, length - offset));
            BytePattern.Default.Fill(part.Span, offset);
            await body.WriteAsync(part);
        }
    }

    /// <summary>Sends back all that comes, until the client's FIN.</summary>
    public static async Task EchoRaw(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                await connection.Transport.Output.WriteAsync(segment);
            }

            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }
}
