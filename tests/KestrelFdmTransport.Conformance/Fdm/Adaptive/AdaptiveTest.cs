using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Fdm.Adaptive;

/// <summary>Cases for the scheduling that takes loops over, on one loop and on several.</summary>
public abstract class AdaptiveTest(ITestOutputHelper output) : TransportTest(output)
{
    public static TheoryData<TransportKind> OnAdaptive
        => new([TransportKind.FdmAdaptiveOneLoop, TransportKind.Fdm, TransportKind.FdmEagerTwoLoops]);
}
