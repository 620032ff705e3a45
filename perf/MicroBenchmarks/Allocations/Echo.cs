using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.MicroBenchmarks.Allocations;

/// <summary>The application: it sends back what it gets, and allocates nothing for it.</summary>
internal static class Echo
{
    internal static async Task RunAsync(IConnectionListener listener, int connections)
    {
        var running = new Task[connections];
        for (int i = 0; i < connections; i++)
        {
            ConnectionContext? accepted = await listener.AcceptAsync();
            running[i] = ServeAsync(accepted!);
        }

        await Task.WhenAll(running);
    }

    private static async Task ServeAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            if (result.Buffer.IsEmpty && result.IsCompleted)
            {
                break;
            }

            foreach (System.ReadOnlyMemory<byte> part in result.Buffer)
            {
                output.Write(part.Span);
            }

            input.AdvanceTo(result.Buffer.End);
            await output.FlushAsync();
        }

        await input.CompleteAsync();
        await output.CompleteAsync();
        await connection.DisposeAsync();
    }
}
