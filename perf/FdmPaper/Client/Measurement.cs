namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>One run: requests per second, and the server's CPU time per request and the response times in microseconds.</summary>
internal sealed record Measurement(double RequestsPerSecond, double CpuPerRequest, double P50, double P99);
