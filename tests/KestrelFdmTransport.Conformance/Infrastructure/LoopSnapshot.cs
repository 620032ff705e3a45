namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>What one event loop of the FDM transport says about itself.</summary>
internal readonly record struct LoopSnapshot(string Name, int Connections, long Accepts, long Stalls);
