using System;
using System.Buffers;

namespace KestrelFdmTransport.Buffers;

/// <summary>A block that a thread keeps, with its memory: asking the owner for that is user code.</summary>
/// <param name="Owner">Returns the block to its pool.</param>
/// <param name="Memory">The whole block.</param>
internal readonly record struct CachedBlock(IMemoryOwner<byte> Owner, Memory<byte> Memory);
