using System.IO.Pipelines;

namespace KestrelFdmTransport.Conformance.Protocols.Middleware;

internal sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
{
    public PipeReader Input => input;

    public PipeWriter Output => output;
}
