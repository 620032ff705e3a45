using System;
using System.Net;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>Bytes to and fro, with no server above the transport.</summary>
internal sealed class EchoRound : TransportLifetime
{
    private readonly ILoggerFactory _loggerFactory;
    private IConnectionListener? _listener;
    private Task _accepting = Task.CompletedTask;

    internal EchoRound(HandoffSettings settings, HandoffCounters figures, int number)
        : base(settings, figures, number)
    {
        var options = new FdmTransportOptions();
        Configure(options);
        _loggerFactory = LoggerFactory.Create(
            logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(new StallingLogger(figures)));
        Factory = new FdmTransportFactory(Options.Create(options), _loggerFactory, new StallingPoolFactory(Pool));
    }

    internal override EndPoint EndPoint => _listener!.EndPoint;

    protected override FdmTransportFactory Factory { get; }

    public override async ValueTask DisposeAsync()
    {
        await Factory.DisposeAsync();
        _loggerFactory.Dispose();
    }

    protected override Client CreateClient(int seed) => new EchoClient(this, seed);

    protected override async Task StartAsync()
    {
        _listener = await Factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        _accepting = AcceptAsync(_listener);
    }

    protected override async Task StopAsync()
    {
        if (IsBreaking)
        {
            // The loops go first, under all that is going on.
            await Factory.DisposeAsync();
        }

        await _listener!.UnbindAsync();
        await _accepting;

        // As Kestrel does: the endpoint's memory goes last.
        await UntilAllEndedAsync();
        await _listener.DisposeAsync();
        await Factory.DisposeAsync();
    }

    private async Task AcceptAsync(IConnectionListener listener)
    {
        try
        {
            while (await listener.AcceptAsync() is { } connection)
            {
                StallInjection.Run(oneIn: 3);
                _ = RunAsync(connection);
            }
        }
        catch (Exception exception)
        {
            Figures.Report($"Accepting failed: {exception}");
        }
    }

    private async Task RunAsync(ConnectionContext connection)
    {
        try
        {
            await new EchoConnection(this, connection).RunAsync();
        }
        catch (Exception exception)
        {
            Figures.Report($"Connection {connection.ConnectionId} failed: {exception}");
        }
    }
}
