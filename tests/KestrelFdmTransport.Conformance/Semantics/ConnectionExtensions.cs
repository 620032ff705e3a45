using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>What cases do with the server's side of a connection, put into words.</summary>
internal static class ConnectionExtensions
{
    public static Socket GetSocket(this ConnectionContext connection)
        => connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;

    public static async Task<string> ReadTextAsync(this ConnectionContext connection, int length)
    {
        PipeReader input = connection.Transport.Input;
        ReadResult result = await input.ReadAtLeastAsync(length).Within("bytes from the client");
        ReadOnlySequence<byte> bytes = result.Buffer.Slice(0, long.Min(length, result.Buffer.Length));
        string text = Encoding.ASCII.GetString(bytes);
        input.AdvanceTo(bytes.End);
        return text;
    }

    /// <summary>All that one read brings, and whether it is the last.</summary>
    public static async Task<string> ReadOnceAsync(this ConnectionContext connection)
        => connection.Take(await connection.Transport.Input.ReadAsync().Within("bytes from the client"));

    public static string Take(this ConnectionContext connection, ReadResult result)
    {
        string text = $"\"{Encoding.ASCII.GetString(result.Buffer)}\"{Flags(result.IsCompleted, result.IsCanceled)}";
        connection.Transport.Input.AdvanceTo(result.Buffer.End);
        return text;
    }

    /// <summary>Everything up to the end of the input.</summary>
    public static async Task<string> ReadToEndAsync(this ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        var text = new StringBuilder();
        ReadResult result;
        do
        {
            result = await input.ReadAsync().Within("bytes from the client");
            text.Append(Encoding.ASCII.GetString(result.Buffer));
            input.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);
        return $"\"{text}\" and the end";
    }

    public static async Task<string> WriteTextAsync(this ConnectionContext connection, string text)
        => Describe(await connection.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes(text)).Within("a flush"));

    public static string Describe(FlushResult result) => $"flushed{Flags(result.IsCompleted, result.IsCanceled)}";

    /// <summary>
    /// When the connection is known to be over; whether a callback comes at once afterwards is another matter.
    /// </summary>
    public static async Task ClosedAsync(this ConnectionContext connection)
    {
        var closed = new Signal();
        await using (connection.ConnectionClosed.Register(closed.Set))
        {
            await closed.Task.Within("ConnectionClosed");
        }
    }

    private static string Flags(bool isCompleted, bool isCanceled)
        => (isCompleted ? ", completed" : "") + (isCanceled ? ", cancelled" : "");
}
