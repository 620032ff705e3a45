using System;
using System.Globalization;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelFdmTransport.ComparisonServer;

/// <summary>What every candidate on Kestrel answers.</summary>
internal sealed class Application(string name, int stepsPerMicrosecond)
{
    private const string Sleep = "/sleep/";
    private const string Compute = "/compute/";
    private const string Tally = "/tally/";

    private readonly PollingSetCounter _tally = new();
    private readonly string _identity = string.Create(CultureInfo.InvariantCulture, $"{name} {Environment.ProcessId}");

    internal Task AnswerAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        return path.Length == 1 ? PlaintextAsync(context) : OtherAsync(context, path);
    }

    private static Task PlaintextAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain";
        context.Response.ContentLength = CannedResponses.Body.Length;
        return context.Response.Body.WriteAsync(CannedResponses.Body).AsTask();
    }

    private Task OtherAsync(HttpContext context, string path)
    {
        if (path.StartsWith(Compute, StringComparison.Ordinal))
        {
            CpuWork.Do(Microseconds(path, Compute) * stepsPerMicrosecond);
            return PlaintextAsync(context);
        }

        if (path.StartsWith(Sleep, StringComparison.Ordinal))
        {
            // On purpose: this is what blocks a thread.
            Thread.Sleep(TimeSpan.FromMicroseconds(Microseconds(path, Sleep)));
            return PlaintextAsync(context);
        }

        if (path.StartsWith(Tally, StringComparison.Ordinal))
        {
            _tally.Count(path.AsSpan(Tally.Length), context.Features.Get<IFdmConnectionFeature>());
            return PlaintextAsync(context);
        }

        switch (path)
        {
            case "/download":
                context.Response.ContentLength = CannedResponses.Megabyte.Length;
                return context.Response.Body.WriteAsync(CannedResponses.Megabyte).AsTask();
            case "/upload":
                return UploadAsync(context);
            case "/yield":
                return YieldAsync(context);
            case "/delay":
                return DelayAsync(context);
            case "/grpc":
                return UnaryAsync(context);
            case "/polling-sets/on" or "/polling-sets/off":
                context.RequestServices.GetRequiredService<FdmTransportFactory>().UsePollingSets(
                    path.EndsWith("on", StringComparison.Ordinal));
                return Task.CompletedTask;
            case "/identity":
                return context.Response.WriteAsync(_identity);
            case "/loop":
                return LoopAsync(context);
            case "/loops":
                return context.Response.WriteAsJsonAsync(
                    context.RequestServices.GetService<FdmTransportFactory>()?.GetLoopStatistics() ?? []);
            case "/tally":
                return context.Response.WriteAsJsonAsync(_tally.Take());
            case "/memory":
                return context.Response.WriteAsync(ManagedMemory().ToString(CultureInfo.InvariantCulture));
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }

    /// <summary>The number of the connection's event loop, and nothing else.</summary>
    private static Task LoopAsync(HttpContext context)
    {
        string loop = context.Features.Get<IFdmConnectionFeature>()?.LoopIndex.ToString(CultureInfo.InvariantCulture)
            ?? "0";
        context.Response.ContentLength = loop.Length;
        return context.Response.WriteAsync(loop);
    }

    /// <summary>As a handler that awaits something which another thread completes at once.</summary>
    private static async Task YieldAsync(HttpContext context)
    {
        await Task.Yield();
        await PlaintextAsync(context);
    }

    /// <summary>As a handler that awaits a database.</summary>
    private static async Task DelayAsync(HttpContext context)
    {
        await Task.Delay(1);
        await PlaintextAsync(context);
    }

    /// <summary>A unary call as gRPC frames it: a message with a prefix each way, then a trailer.</summary>
    private static async Task UnaryAsync(HttpContext context)
    {
        PipeReader body = context.Request.BodyReader;
        ReadResult result = await body.ReadAtLeastAsync(CannedResponses.Message.Length);
        body.AdvanceTo(result.Buffer.End);
        result = await body.ReadAsync();
        body.AdvanceTo(result.Buffer.End);

        context.Response.ContentType = "application/grpc";
        context.Response.DeclareTrailer("grpc-status");
        PipeWriter answer = context.Response.BodyWriter;
        CannedResponses.Message.CopyTo(answer.GetSpan(CannedResponses.Message.Length));
        answer.Advance(CannedResponses.Message.Length);
        await answer.FlushAsync();
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static async Task UploadAsync(HttpContext context)
    {
        PipeReader body = context.Request.BodyReader;
        ReadResult result;
        do
        {
            result = await body.ReadAsync();
            body.AdvanceTo(result.Buffer.End);
        }
        while (!result.IsCompleted);

        await PlaintextAsync(context);
    }

    /// <summary>
    /// Bytes alive, with everything else given back to the system so that the resident set can be compared as well.
    /// </summary>
    private static long ManagedMemory()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: false);
    }

    private static long Microseconds(string path, string prefix)
        => long.Parse(path.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture);
}
