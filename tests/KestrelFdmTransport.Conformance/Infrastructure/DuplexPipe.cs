using System.IO.Pipelines;

namespace KestrelFdmTransport.Conformance.Infrastructure;

internal sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
