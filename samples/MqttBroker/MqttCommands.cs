using System.Net;
using MQTTnet;
using MQTTnet.Protocol;

namespace MqttBroker;

/// <summary>A client that subscribes to a topic, publishes to it, and prints what comes back.</summary>
internal static class MqttCommands
{
    public static async Task RunAsync(IPEndPoint broker, string topic, string text)
    {
        var factory = new MqttClientFactory();
        using IMqttClient client = factory.CreateMqttClient();
        var returned = new TaskCompletionSource();
        client.ApplicationMessageReceivedAsync += received =>
        {
            Console.WriteLine(
                $"{received.ApplicationMessage.Topic}: {received.ApplicationMessage.ConvertPayloadToString()}");
            returned.TrySetResult();
            return Task.CompletedTask;
        };
        await client.ConnectAsync(
            factory.CreateClientOptionsBuilder().WithTcpServer(broker.Address.ToString(), broker.Port).Build());
        await client.SubscribeAsync(topic, MqttQualityOfServiceLevel.AtLeastOnce);
        await client.PublishStringAsync(topic, text, MqttQualityOfServiceLevel.AtLeastOnce);
        await returned.Task;
        await client.DisconnectAsync();
    }
}
