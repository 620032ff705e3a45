using KestrelFdmTransport;
using Yarp.ReverseProxy.Forwarder;

namespace ReverseProxy;

/// <summary>YARP's own factory, with the connections to the backends on the event loops.</summary>
internal sealed class LoopHttpClientFactory(
    FdmConnectionFactory connections,
    ILogger<ForwarderHttpClientFactory> logger)
    : ForwarderHttpClientFactory(logger)
{
    protected override void ConfigureHandler(ForwarderHttpClientContext context, SocketsHttpHandler handler)
    {
        base.ConfigureHandler(context, handler);
        handler.UseFdm(connections);
    }
}
