using System;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>A connection factory on the loops of a harness, which is checked and disposed of with it.</summary>
internal sealed class FdmClient : IAsyncDisposable
{
    private readonly FdmHarness _harness;

    public FdmClient(TransportKind transport, Action<FdmTransportOptions>? configure = null)
    {
        _harness = new FdmHarness(transport, configure);
        Factory = new FdmConnectionFactory(_harness.Factory);
    }

    public FdmConnectionFactory Factory { get; }

    public FdmTransportFactory Transport => _harness.Factory;

    public LogCollector Logs => _harness.Logs;

    public async ValueTask DisposeAsync()
    {
        await Factory.DisposeAsync().Within("the disposal of the connection factory");
        await _harness.DisposeAsync();
    }
}
