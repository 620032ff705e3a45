using Grpc.Core;

namespace GrpcSample;

internal sealed class ClockService : Clock.ClockBase
{
    public override Task<GreetReply> Greet(GreetRequest request, ServerCallContext context)
        => Task.FromResult(new GreetReply { Text = $"Hello, {request.Name}." });

    public override async Task Count(
        CountRequest request, IServerStreamWriter<CountReply> responseStream, ServerCallContext context)
    {
        for (int i = 1; i <= request.Count; i++)
        {
            await responseStream.WriteAsync(new CountReply { Number = i }, context.CancellationToken);
        }
    }

    public override async Task Sum(
        IAsyncStreamReader<SumRequest> requestStream,
        IServerStreamWriter<SumReply> responseStream,
        ServerCallContext context)
    {
        long sum = 0;
        await foreach (SumRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            sum += request.Number;
            await responseStream.WriteAsync(new SumReply { Sum = sum }, context.CancellationToken);
        }
    }
}
