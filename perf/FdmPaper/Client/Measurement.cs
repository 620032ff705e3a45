namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>
/// One run: requests per second, and the server's CPU time per request and the response times in microseconds.
/// </summary>
/// <param name="RequestsPerSecond">What was answered.</param>
/// <param name="CpuPerRequest">Of all threads of the server.</param>
/// <param name="P50">Half of the response times are below.</param>
/// <param name="P99">Of a hundred response times one is above.</param>
/// <param name="Waited">How long server and client, added up, were ready to run and had no CPU, by the time that
/// passed.</param>
internal sealed record Measurement(
    double RequestsPerSecond, double CpuPerRequest, double P50, double P99, double Waited);
