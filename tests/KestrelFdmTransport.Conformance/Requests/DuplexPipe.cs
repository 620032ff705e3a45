using System.IO.Pipelines;

namespace KestrelFdmTransport.Conformance.Requests;

internal sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
