using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using KestrelFdmTransport;

namespace GrpcSample;

/// <summary>Calls the service over TCP, or over a Unix socket if the address is <c>unix:</c> and a path.</summary>
internal static class ClockClient
{
    private const string UnixScheme = "unix:";

    public static async Task RunAsync(string address)
    {
        await using ServiceProvider services =
            new ServiceCollection().AddFdmConnectionFactory().BuildServiceProvider();
        var connections = services.GetRequiredService<FdmConnectionFactory>();
        var handler = new SocketsHttpHandler();
        if (address.StartsWith(UnixScheme, StringComparison.Ordinal))
        {
            EndPoint socket = new UnixDomainSocketEndPoint(address[UnixScheme.Length..]);
            handler.UseFdm(connections, socket);
            address = "http://localhost";
        }
        else
        {
            handler.UseFdm(connections);
        }

        using GrpcChannel channel =
            GrpcChannel.ForAddress(address, new() { HttpHandler = handler, DisposeHttpClient = true });
        await CallAsync(new Clock.ClockClient(channel));
    }

    private static async Task CallAsync(Clock.ClockClient clock)
    {
        GreetReply greeting = await clock.GreetAsync(new GreetRequest { Name = "epoll" });
        Console.WriteLine(greeting.Text);

        using AsyncServerStreamingCall<CountReply> counting = clock.Count(new CountRequest { Count = 1000 });
        int last = 0;
        await foreach (CountReply reply in counting.ResponseStream.ReadAllAsync())
        {
            last = reply.Number;
        }

        Console.WriteLine($"Counted to {last}.");

        using AsyncDuplexStreamingCall<SumRequest, SumReply> summing = clock.Sum();
        long sum = 0;
        for (int i = 1; i <= 100; i++)
        {
            await summing.RequestStream.WriteAsync(new SumRequest { Number = i });
            await summing.ResponseStream.MoveNext(CancellationToken.None);
            sum = summing.ResponseStream.Current.Sum;
        }

        await summing.RequestStream.CompleteAsync();
        Console.WriteLine($"The sum is {sum}.");
    }
}
