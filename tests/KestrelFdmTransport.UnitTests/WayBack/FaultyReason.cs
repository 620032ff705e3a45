using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>A reason to abort whose text may throw.</summary>
internal sealed class FaultyReason(FaultPlan plan) : ConnectionAbortedException
{
    public override string Message
    {
        get
        {
            plan.Reach("exception.Message");
            return "The application has had enough.";
        }
    }
}
