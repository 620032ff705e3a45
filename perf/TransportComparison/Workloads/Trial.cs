using System;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>One server, loaded once.</summary>
internal sealed record Trial(ServerProcess Server, CpuPlan Cpus, LoadTools Tools, TimeSpan Duration);
