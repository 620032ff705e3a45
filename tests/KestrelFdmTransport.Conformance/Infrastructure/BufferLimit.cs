namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>A limit that a case sets, where null means no limit and not the default.</summary>
internal readonly record struct BufferLimit(long? Bytes);
