using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Extensions.Options;
using Xunit;
using Xunit.Sdk;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>One run of a scenario: what may fail in it, and what is done again because it has failed.</summary>
internal sealed class Scene(FaultPlan plan, ApplicationScheduling scheduling, int faults) : IDisposable
{
    private const int SolSocket = 1;
    private const int SoReusePort = 15;

    private readonly FaultyMeters _meters = new(plan);
    private Bystanders? _bystanders;

    public FaultPlan Plan { get; } = plan;

    public FaultyPools Pools { get; } = new(plan);

    public FaultyLog Log { get; } = new(plan);

    /// <summary>True if a loop may have been given up, because what its replacement needs was not to be had.</summary>
    public bool MayLoseLoop { get; set; }

    /// <summary>What was made for this run: nothing keeps it in memory afterwards.</summary>
    public List<WeakReference> Made { get; } = [];

    /// <summary>True if a connection may end because nothing is sent on it.</summary>
    public bool MayLoseIdle { get; set; }

    /// <summary>The connections of those that are served while a step waits.</summary>
    public int Bystanding => _bystanders?.Served ?? 0;

    /// <summary>Makes a factory, and those that are to be served on its loops while a step waits.</summary>
    public async Task<FdmTransportFactory> StartFactoryAsync(Action<FdmTransportOptions>? configure = null)
    {
        FdmTransportFactory factory = await AgainAsync(() => Task.FromResult(NewFactory(configure)));
        Made.Add(new WeakReference(factory));
        if (Plan.Held is not null)
        {
            Plan.IsPaused = true;
            Volatile.Write(ref _bystanders, await Bystanders.StartAsync(factory).Within("the bystanders"));
            Plan.IsPaused = false;
        }

        return factory;
    }

    public async Task EndFactoryAsync(FdmTransportFactory factory)
    {
        if (_bystanders is { } bystanders)
        {
            await bystanders.EndAsync();
        }

        await EndAsync(() => factory.DisposeAsync(), "the end of the factory");
    }

    /// <summary>Sees to it that others are served while a step waits, and then has it go on.</summary>
    public async Task WatchAsync()
    {
        HeldStep held = Plan.Held!;
        await held.Reached;
        try
        {
            if (Volatile.Read(ref _bystanders) is { } bystanders)
            {
                bool isHandedOver = scheduling == ApplicationScheduling.Adaptive;
                string? loop = held.Thread.StartsWith("fdm-loop-", StringComparison.Ordinal) ? held.Thread : null;
                await bystanders.CheckAsync(
                    looksAtOld: !MayLoseIdle,
                    looksAtNew: isHandedOver || loop is null,
                    isHandedOver && !MayLoseLoop ? null : loop,
                    MayLoseLoop || MayLoseIdle);
            }
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"Others were not served while {held.Thread} was held {held.Stack}", exception);
        }
        finally
        {
            held.Release();
        }
    }

    /// <summary>Has the transport's figures read.</summary>
    public async Task RecordMetersAsync()
    {
        try
        {
            await Task.Run(_meters.Record).Within("the figures");
        }
        catch (AggregateException) when (Plan.Failed > 0)
        {
            // What the listener throws is its own affair.
        }
    }

    public void Dispose() => _meters.Dispose();

    private FdmTransportFactory NewFactory(Action<FdmTransportOptions>? configure)
    {
        var options = new FdmTransportOptions { LoopCount = 2, Scheduling = scheduling };
        options.CreateBoundListenSocket = endPoint =>
        {
            Plan.Reach("CreateBoundListenSocket");
            if (endPoint is not IPEndPoint)
            {
                return FdmTransportOptions.CreateDefaultBoundListenSocket(endPoint);
            }

            var socket = new FaultySocket(Plan, endPoint);
            if (options.ReusePort)
            {
                socket.SetRawSocketOption(SolSocket, SoReusePort, BitConverter.GetBytes(1));
            }

            socket.Bind(endPoint);
            return socket;
        };
        configure?.Invoke(options);
        return new FdmTransportFactory(Options.Create(options), Log, Pools);
    }

    /// <summary>Tries again what a fault has made fail; the next time it has to work.</summary>
    public async Task<T> AgainAsync<T>(Func<Task<T>> action)
    {
        for (int left = faults; ; left--)
        {
            try
            {
                return await Task.Run(action).Within("an action");
            }
            catch (Exception exception)
                when (left > 0 && Plan.Failed > 0 && exception is not (XunitException or TimeoutException))
            {
                // It may fail as often as something has it fail.
            }
        }
    }

    public Task AgainAsync(Func<Task> action)
        => AgainAsync(async () =>
        {
            await action();
            return true;
        });

    /// <summary>Ends something. A fault may come out, but what is ended is gone.</summary>
    public async Task EndAsync(Func<ValueTask> end, string what)
    {
        try
        {
            await Task.Run(() => end().AsTask()).Within(what);
        }
        catch (Exception exception) when (Plan.Failed > 0 && exception is not (XunitException or TimeoutException))
        {
            // The census says whether it is gone.
        }
    }

    /// <summary>Talks to the server. A connection may be lost by a fault; the next one works.</summary>
    public async Task TalkAsync(EndPoint endPoint, Func<Socket, Task> talk)
    {
        for (int left = faults; ; left--)
        {
            using Socket client = NewClient(endPoint);
            try
            {
                await TalkAsync(client, endPoint, talk).Within("an answer or the end of the connection");
                return;
            }
            catch (Exception exception)
                when (left > 0 && Plan.Failed > 0 && exception is SocketException or EndOfStreamException)
            {
                // Lost; the others work.
            }
        }
    }

    /// <summary>A connection that may be lost, and nothing takes its place.</summary>
    public async Task MayLoseAsync(Func<Task> talk)
    {
        try
        {
            await talk().Within("an answer or the end of the connection");
        }
        catch (Exception exception) when (Plan.Failed > 0 && exception is SocketException or EndOfStreamException)
        {
            // Lost.
        }
    }

    public static Socket NewClient(EndPoint endPoint)
        => endPoint.AddressFamily == AddressFamily.Unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    /// <summary>Sends bytes and gets the same bytes back.</summary>
    public static async Task ExchangeAsync(Socket client, int length)
    {
        byte[] sent = new byte[length];
        byte[] received = new byte[length];
        new BytePattern(length).Fill(sent, 0);
        await Task.WhenAll(SendAsync(client, sent), ReceiveAsync(client, received));
        Assert.Equal(sent, received);
    }

    public static async Task ExpectEndAsync(Socket client)
    {
        byte[] rest = new byte[1];
        Assert.Equal(0, await client.ReceiveAsync(rest));
    }

    private static async Task TalkAsync(Socket client, EndPoint endPoint, Func<Socket, Task> talk)
    {
        await client.ConnectAsync(endPoint);
        await talk(client);
    }

    private static async Task SendAsync(Socket client, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await client.SendAsync(bytes)..];
        }
    }

    private static async Task ReceiveAsync(Socket client, Memory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = await client.ReceiveAsync(bytes);
            bytes = count > 0 ? bytes[count..] : throw new EndOfStreamException();
        }
    }
}
