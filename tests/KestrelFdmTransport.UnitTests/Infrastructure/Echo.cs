using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

internal static class Echo
{
    /// <summary>Sends back what comes, to the end of the input.</summary>
    public static async Task RunAsync(IDuplexPipe transport)
    {
        ReadResult result;
        do
        {
            result = await transport.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                transport.Output.Write(part.Span);
            }

            transport.Input.AdvanceTo(result.Buffer.End);
            await transport.Output.FlushAsync();
        }
        while (!result.IsCompleted);
    }
}
