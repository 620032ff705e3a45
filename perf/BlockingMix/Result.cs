namespace KestrelFdmTransport.BlockingMix;

/// <summary>One round: requests per second and milliseconds of those that do not block, and the server's CPU time per request in microseconds.</summary>
internal sealed record Result(double FastPerSecond, double P50, double P99, double CpuPerRequest);
