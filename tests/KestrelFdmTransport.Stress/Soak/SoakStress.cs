using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>A server under everything at once, and afterwards nothing that is left of it.</summary>
public static class SoakStress
{
    /// <summary>
    /// What the runtime itself may have come to need meanwhile: its pools of buffers, compiled code, caches of TLS.
    /// </summary>
    private const long MemorySlack = 32_000_000;

    /// <summary>Pipes and sockets that the runtime keeps for itself.</summary>
    private const int DescriptorSlack = 4;

    /// <summary>Connections that something of the runtime may still look at. A leak would be hundreds.</summary>
    private const int HeldSlack = 64;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_progressInterval = TimeSpan.FromSeconds(15);

    public static async Task<SoakCounters> RunAsync(
        SoakSettings settings, TextWriter progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(progress);
        using SyncPointDelays? delays = SyncPointDelays.Begin(settings);

        // A short life first: what the runtime sets up once is no leak.
        await LoadAsync(settings with { Duration = s_warmUp }, new SoakCounters(), TextWriter.Null, cancellationToken);
        var figures = new SoakCounters();
        int descriptors = ProcessState.Descriptors();
        long memory = GC.GetTotalMemory(forceFullCollection: true);
        try
        {
            await LoadAsync(settings, figures, progress, cancellationToken);
            await Eventually.UntilAsync(
                () => ProcessState.Descriptors() <= descriptors + DescriptorSlack,
                () => $"{ProcessState.Descriptors()} descriptors, {descriptors} before");
            await Eventually.UntilAsync(
                () => GC.GetTotalMemory(forceFullCollection: true) <= memory + MemorySlack,
                () => $"{GC.GetTotalMemory(forceFullCollection: true)} bytes of managed memory, {memory} before");
            await Eventually.UntilAsync(
                () => figures.Held <= HeldSlack,
                () => $"{figures.Held} connections in memory",
                "the collection of connections");
        }
        catch (TimeoutException exception)
        {
            // Something never came, or was never given back.
            figures.Report(exception.Message);
        }

        figures.Left = string.Create(
            CultureInfo.InvariantCulture,
            $"descriptors {descriptors} before, {ProcessState.Descriptors()} after; managed memory {memory / 1e6:0.0} "
                + $"MB before, {GC.GetTotalMemory(forceFullCollection: true) / 1e6:0.0} MB after");
        if (settings.Rest > TimeSpan.Zero)
        {
            await RestAsync(settings.Rest);
            figures.Left += string.Create(
                CultureInfo.InvariantCulture,
                $", {GC.GetTotalMemory(forceFullCollection: true) / 1e6:0.0} MB after {settings.Rest.TotalSeconds:0} "
                    + $"seconds of rest");
        }

        figures.Left += string.Create(CultureInfo.InvariantCulture, $"; {figures.Held} connections in memory");
        return figures;
    }

    /// <summary>The shared array pool frees arrays that were unused for a minute, at a collection.</summary>
    private static async Task RestAsync(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            await Task.Delay(TimeSpan.FromSeconds(2), CancellationToken.None);
            GC.Collect();
        }
    }

    private static async Task LoadAsync(
        SoakSettings settings, SoakCounters figures, TextWriter progress, CancellationToken cancellationToken)
    {
        SoakServer server = await SoakServer.StartAsync(figures);
        try
        {
            var clients = new List<Task>();
            for (int i = 0; i < settings.Connections; i++)
            {
                var client = new SoakClient(server, figures, (settings.Seed * 10_000) + i);
                clients.Add(Task.Run(client.RunAsync, CancellationToken.None));
            }

            await MoveAsync(server, settings, figures, progress, cancellationToken);
            server.End();
            await Task.WhenAll(clients).WaitAsync(SoakClient.Patience, CancellationToken.None);
            await Eventually.UntilAsync(
                () => figures.Open == 0, () => $"{figures.Open} connections", "the end of all connections");
        }
        finally
        {
            await server.DisposeAsync();
        }

        await server.Pool.VerifyAsync();
        await Eventually.UntilAsync(
            () => ProcessState.Threads("fdm-loop").Count + ProcessState.Threads("fdm-standby").Count == 0,
            () => string.Join(' ', ProcessState.Threads("fdm-")),
            "the end of all loops and standbys");
    }

    /// <summary>Moves the endpoint to and fro until the time is up or something is wrong.</summary>
    private static async Task MoveAsync(
        SoakServer server,
        SoakSettings settings,
        SoakCounters figures,
        TextWriter progress,
        CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan reported = TimeSpan.Zero;
        while (Stopwatch.GetElapsedTime(start) is TimeSpan elapsed
            && elapsed < settings.Duration
            && figures.Problems.Count == 0
            && !cancellationToken.IsCancellationRequested)
        {
            TimeSpan left = settings.Duration - elapsed;
            await Task.Delay(left < settings.ReloadInterval ? left : settings.ReloadInterval, CancellationToken.None);
            server.Move();
            figures.Reloads++;
            if (elapsed - reported >= s_progressInterval)
            {
                reported = elapsed;
                await progress.WriteLineAsync(
                    string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:T} {figures}"));
            }
        }
    }
}
