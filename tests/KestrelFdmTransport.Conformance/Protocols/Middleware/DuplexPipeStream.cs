using System;
using System.IO;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Protocols.Middleware;

/// <summary>Both directions of a connection as one stream; ends neither when it is disposed of.</summary>
internal sealed class DuplexPipeStream(IDuplexPipe pipe)
    : WrappedStream(pipe.Input.AsStream(leaveOpen: true))
{
    private readonly Stream _output = pipe.Output.AsStream(leaveOpen: true);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        => _output.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => _output.FlushAsync(cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _output.Dispose();
        }

        base.Dispose(disposing);
    }
}
