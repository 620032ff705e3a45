using System.Net;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace ReverseProxy;

/// <summary>What goes where. In an application this is the section <c>ReverseProxy</c> of the configuration.</summary>
internal static class Routing
{
    public static RouteConfig[] Routes { get; } =
    [
        new() { RouteId = "websockets", ClusterId = "http1", Match = new() { Path = "/ws" } },
        new() { RouteId = "others", ClusterId = "http2", Match = new() { Path = "/{**any}" }, Order = 1 },
    ];

    /// <param name="http1">The address that speaks HTTP/1.1, for WebSockets.</param>
    /// <param name="http2">The address that speaks HTTP/2, for everything else.</param>
    public static ClusterConfig[] To(string http1, string http2)
        => [Cluster("http1", http1, HttpVersion.Version11), Cluster("http2", http2, HttpVersion.Version20)];

    private static ClusterConfig Cluster(string id, string address, Version version)
        => new()
        {
            ClusterId = id,
            Destinations = new Dictionary<string, DestinationConfig>(StringComparer.Ordinal)
            {
                ["backend"] = new() { Address = address },
            },
            HttpRequest = new ForwarderRequestConfig
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            },
        };
}
