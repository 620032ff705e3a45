using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>A listen socket of the application's own kind, whose end may throw or wait.</summary>
internal sealed class FaultySocket : Socket
{
    private readonly FaultPlan _plan;
    private int _disposed;

    public FaultySocket(FaultPlan plan, EndPoint endPoint)
        : base(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified)
        => _plan = plan;

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _plan.Reach("socket.Dispose");
        }
    }
}
