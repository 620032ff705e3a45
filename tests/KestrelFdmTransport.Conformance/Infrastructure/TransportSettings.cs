using System;
using System.Net;
using System.Net.Sockets;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>The options that both transports have; null leaves the transport's default.</summary>
internal sealed class TransportSettings
{
    public int? Backlog { get; init; }

    public bool? NoDelay { get; init; }

    public BufferLimit? MaxReadBufferSize { get; init; }

    public BufferLimit? MaxWriteBufferSize { get; init; }

    public Func<EndPoint, Socket>? CreateBoundListenSocket { get; init; }
}
