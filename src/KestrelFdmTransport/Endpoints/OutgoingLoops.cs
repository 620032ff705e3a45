
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Endpoints;

/// <summary>The loops and buffers of a transport that a connection factory uses.</summary>
/// <param name="Loops">The loops, which run.</param>
/// <param name="Buffers">The memory of connections.</param>
/// <param name="StreamBuffers">The memory of connections as streams.</param>
internal sealed record OutgoingLoops(EventLoop[] Loops, EndpointBuffers Buffers, EndpointBuffers StreamBuffers);
