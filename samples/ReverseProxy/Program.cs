// A reverse proxy (YARP) with both legs on the event loops: clients to the proxy, and the proxy to its backend.
// README.md has the commands.

using KestrelFdmTransport;
using ReverseProxy;
using Yarp.ReverseProxy.Forwarder;

// Something to forward to. It would be another machine.
await using WebApplication backend = Backend.Build();
await backend.StartAsync();

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.UseFdmTransport();
builder.Services.AddReverseProxy()
    .LoadFromMemory(Routing.Routes, Routing.To(backend.Urls.First(), backend.Urls.Last()));
builder.Services.AddSingleton<IForwarderHttpClientFactory, LoopHttpClientFactory>();

await using WebApplication proxy = builder.Build();
proxy.MapReverseProxy();
proxy.MapGet("/loops", (IFdmTransport transport) => transport.GetLoopStatistics().Sum(loop => loop.Connections));
await proxy.RunAsync();
