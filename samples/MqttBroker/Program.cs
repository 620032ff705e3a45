// An MQTT broker (MQTTnet) with MQTT over TCP and over WebSockets. "client" as the first argument subscribes to a topic
// and publishes to it. README.md has the commands.

using System.Net;
using MqttBroker;
using MQTTnet.AspNetCore;

if (args is ["client", var broker, var topic, var text])
{
    await MqttCommands.RunAsync(IPEndPoint.Parse(broker), topic, text);
    return;
}

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.UseFdmTransport();
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Listen(IPEndPoint.Parse(builder.Configuration["Mqtt"] ?? "127.0.0.1:1883"), listen => listen.UseMqtt());
    kestrel.Listen(IPEndPoint.Parse(builder.Configuration["Http"] ?? "127.0.0.1:5000"));
});
builder.Services.AddHostedMqttServer(_ => { });
builder.Services.AddMqttConnectionHandler();
builder.Services.AddConnections();

await using WebApplication app = builder.Build();
app.MapMqtt("/mqtt");
await app.RunAsync();
