// Two silos and a client, with everything that they send to each other on the event loops. README.md has the command.

using System.Net;
using KestrelFdmTransport;
using OrleansCluster;

const int Grains = 32;

int port = args is ["--port", var first] ? int.Parse(first, System.Globalization.CultureInfo.InvariantCulture) : 11111;
using IHost one = Silo("one", port, gateway: port + 1);
await one.StartAsync();
using IHost two = Silo("two", port + 2, gateway: port + 3);
await two.StartAsync();
using IHost client = Client(port + 1, port + 3);
await client.StartAsync();

IGrainFactory grains = client.Services.GetRequiredService<IGrainFactory>();
var silos = new SortedSet<string>(StringComparer.Ordinal);
int sum = 0;
for (int i = 0; i < Grains; i++)
{
    ICounter counter = grains.GetGrain<ICounter>(i);
    await counter.Add(i);
    sum += await counter.Add(1);
    silos.Add(await counter.Where());
}

Console.WriteLine($"{Grains} grains on the silos {string.Join(" and ", silos)} have the sum {sum}.");
Console.WriteLine($"Connections on the loops: {Connections(one)} of silo one, {Connections(two)} of silo two, "
    + $"{Connections(client)} of the client.");

await client.StopAsync();
await two.StopAsync();
await one.StopAsync();

IHost Silo(string name, int silo, int gateway)
{
    HostApplicationBuilder builder = Host.CreateApplicationBuilder();
    builder.Logging.SetMinimumLevel(LogLevel.Error);
    builder.UseOrleans(orleans =>
    {
        orleans.UseLocalhostClustering(silo, gateway, new IPEndPoint(IPAddress.Loopback, port));
        orleans.Configure<Orleans.Configuration.SiloOptions>(options => options.SiloName = name);
        orleans.Services.UseFdmForKeyedConnections();
    });
    return builder.Build();
}

IHost Client(params int[] gateways)
{
    HostApplicationBuilder builder = Host.CreateApplicationBuilder();
    builder.Logging.SetMinimumLevel(LogLevel.Error);
    builder.UseOrleansClient(orleans =>
    {
        orleans.UseLocalhostClustering(gateways);
        orleans.Services.UseFdmForKeyedConnections();
    });
    return builder.Build();
}

static int Connections(IHost host)
    => host.Services.GetRequiredService<IFdmTransport>().GetLoopStatistics().Sum(loop => loop.Connections);
