using System.IO.Pipelines;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>A connection middleware that hands everything on through streams, as one for TLS would.</summary>
internal static class PassThrough
{
    public static void Use(ListenOptions listen) => listen.Use(next => async connection =>
    {
        IDuplexPipe original = connection.Transport;
        PipeReader input = PipeReader.Create(original.Input.AsStream(leaveOpen: true));
        PipeWriter output = PipeWriter.Create(original.Output.AsStream(leaveOpen: true));
        connection.Transport = new DuplexPipe(input, output);
        try
        {
            await next(connection);
        }
        finally
        {
            await input.CompleteAsync();
            await output.CompleteAsync();
            connection.Transport = original;
        }
    });
}
