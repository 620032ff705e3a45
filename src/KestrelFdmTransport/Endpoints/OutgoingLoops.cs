
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Endpoints;

/// <summary>What a connection factory has taken from its transport to connect on.</summary>
/// <param name="Loops">The loops, which run.</param>
/// <param name="Blocks">The memory of connections.</param>
/// <param name="StreamBlocks">The memory of connections as streams.</param>
internal sealed record OutgoingLoops(EventLoop[] Loops, EndpointBuffers[] Blocks, EndpointBuffers[] StreamBlocks);
