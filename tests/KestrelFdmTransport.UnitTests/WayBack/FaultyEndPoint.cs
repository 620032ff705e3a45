using System.Net;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>An address whose every method may throw or wait.</summary>
internal sealed class FaultyEndPoint(FaultPlan plan, IPEndPoint address) : IPEndPoint(address.Address, address.Port)
{
    public override SocketAddress Serialize()
    {
        plan.Reach("endpoint.Serialize");
        return base.Serialize();
    }

    public override string ToString()
    {
        plan.Reach("endpoint.ToString");
        return base.ToString();
    }
}
