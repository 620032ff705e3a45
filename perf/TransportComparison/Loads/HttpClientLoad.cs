using System;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>
/// Protocols that <see cref="EpollLoad"/> does not support, where wrk or h2load is missing: slow, but correct.
/// </summary>
internal sealed class HttpClientLoad(Endpoint endpoint, int connections, int streams, Request kind) : ILoad
{
    public string Tool => "own generator (HttpClient)";

    public async Task<LoadOutcome> RunAsync(
        ServerProcess server, CpuPlan cpus, TimeSpan duration, CancellationToken cancellation)
    {
        Uri url = server.Url(endpoint, kind.Path);
        HttpMessageInvoker[] clients = [.. Enumerable.Range(0, connections).Select(_ => NewClient())];
        try
        {
            ServerUsage before = server.Usage();
            long started = Stopwatch.GetTimestamp();
            LatencyHistogram[] all = await Task.WhenAll(clients.SelectMany(client =>
                Enumerable.Range(0, streams).Select(_ => AskAsync(client, url, started, duration, cancellation))));
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            ServerUsage usage = server.Usage() - before;
            var latencies = new LatencyHistogram();
            Array.ForEach(all, latencies.Add);
            return new LoadOutcome([GroupOutcome.Of(latencies, seconds)], latencies.Count, usage);
        }
        catch (HttpRequestException e)
        {
            throw new ServerException(e.Message, e);
        }
        finally
        {
            Array.ForEach(clients, client => client.Dispose());
        }
    }

    private static HttpMessageInvoker NewClient()
    {
        var handler = new SocketsHttpHandler { MaxConnectionsPerServer = 1, UseProxy = false };
#pragma warning disable CA5359, MA0039 // The server's certificate is made anew at each start.
        handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359, MA0039
        return new HttpMessageInvoker(handler);
    }

    private async Task<LatencyHistogram> AskAsync(
        HttpMessageInvoker client, Uri url, long started, TimeSpan duration, CancellationToken cancellation)
    {
        var latencies = new LatencyHistogram();
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            long sent = Stopwatch.GetTimestamp();
            using var request = new HttpRequestMessage(new HttpMethod(kind.Method), url)
            {
                Version = endpoint is Endpoint.H2c or Endpoint.H2 ? HttpVersion.Version20 : HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = kind.BodyLength > 0 ? new ByteArrayContent(new byte[kind.BodyLength]) : null,
            };
            using HttpResponseMessage response = await client.SendAsync(request, cancellation);
            response.EnsureSuccessStatusCode();
            _ = await response.Content.ReadAsByteArrayAsync(cancellation);
            latencies.Record((long)Stopwatch.GetElapsedTime(sent).TotalNanoseconds);
        }

        return latencies;
    }
}
