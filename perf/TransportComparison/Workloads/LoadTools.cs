using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Workloads;

/// <summary>What makes loads on this machine.</summary>
internal sealed class LoadTools(bool wrk, bool h2load)
{
    internal bool HasWrk => wrk;

    internal bool HasH2Load => h2load;

    /// <param name="own">Whether the own generator is to be used although others are there.</param>
    internal static LoadTools Find(bool own)
        => new(!own && ToolProcess.Exists("wrk"), !own && ToolProcess.Exists("h2load"));

    /// <summary>HTTP/1.1, all clients alike.</summary>
    internal ILoad Http(Endpoint endpoint, ClientGroup clients)
    {
        if (wrk)
        {
            return new WrkLoad(endpoint, clients);
        }

        return endpoint == Endpoint.Https
            ? new HttpClientLoad(endpoint, clients.Connections, streams: 1, clients.Request)
            : new EpollLoad(endpoint, clients);
    }

    internal ILoad Http2(Endpoint endpoint, int connections, int streams, Request request) => h2load
        ? new H2Load(endpoint, connections, streams, request)
        : new HttpClientLoad(endpoint, connections, streams, request);
}
