using System;
using System.Net;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>A factory of the FDM transport without a host, with its log and its memory pools under watch.</summary>
internal sealed class FdmHarness : IAsyncDisposable
{
    private readonly ILoggerFactory _loggerFactory;

    public FdmHarness(TransportKind transport, Action<FdmTransportOptions>? configure = null)
    {
        var options = new FdmTransportOptions();
        Transports.Configure(options, transport);
        LoopCount = options.LoopCount;
        configure?.Invoke(options);
        _loggerFactory = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(Logs));
        Factory = new FdmTransportFactory(Options.Create(options), _loggerFactory, Pool);
    }

    public int LoopCount { get; }

    public FdmTransportFactory Factory { get; }

    public LogCollector Logs { get; } = new();

    public CheckingMemoryPoolFactory Pool { get; } = new();

    public Task<IConnectionListener> BindAsync(EndPoint? endPoint = null)
        => Factory.BindAsync(endPoint ?? TestServerSetup.FreeLoopbackPort).Within("a bound listener");

    public async ValueTask DisposeAsync()
    {
        await Factory.DisposeAsync().Within("the disposal of the factory");
        await Pool.VerifyAsync();
        Logs.AssertNothingAbove(LogLevel.Debug);
        _loggerFactory.Dispose();
    }
}
