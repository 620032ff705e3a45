using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.ComparisonServer;

/// <summary>Answers everything with a canned response, unparsed: what remains is the transport.</summary>
internal sealed class RawHandler : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            if (result.Buffer.IsEmpty && result.IsCompleted)
            {
                return;
            }

            input.AdvanceTo(result.Buffer.End);
            output.Write(CannedResponses.Whole);
            await output.FlushAsync();
        }
    }
}
