using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Hosting;

/// <summary>One log line when the host has started: what this transport serves, if it serves anything.</summary>
/// <remarks>What Sockets serves instead has a warning for each endpoint already.</remarks>
internal sealed class StartReport : IHostedService, IDisposable
{
    private readonly IFdmTransport _transport;
    private readonly FdmTransportOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenRegistration _started;

    public StartReport(
        IFdmTransport transport,
        IOptions<FdmTransportOptions> options,
        ILoggerFactory loggerFactory,
        IHostApplicationLifetime lifetime)
    {
        _transport = transport;
        _options = options.Value;
        _logger = new NonThrowingLogger(loggerFactory.CreateLogger(FdmTransportDiagnostics.LogCategory));
        _started = lifetime.ApplicationStarted.Register(Report);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _started.Dispose();

    private void Report()
    {
        IReadOnlyList<EndpointStatistics> endpoints = _transport.GetEndpointStatistics();
        if (endpoints.Count > 0)
        {
            Log.TransportStarted(
                _logger,
                string.Join(", ", endpoints.Select(Describe)),
                _options.LoopCount,
                _options.Scheduling.ToString());
        }
    }

    private string Describe(EndpointStatistics endpoint)
        => endpoint.Scheduling == _options.Scheduling
            ? $"{endpoint.EndPoint}"
            : $"{endpoint.EndPoint} ({endpoint.Scheduling})";
}
