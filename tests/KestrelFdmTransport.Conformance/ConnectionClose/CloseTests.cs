using System;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>Every way a connection may end, in every state it may be in, compared with Sockets.</summary>
[Trait("Category", "Slow")]
public sealed class CloseTests(ITestOutputHelper output) : OracleTest(output)
{
    public static TheoryData<TransportKind, ConnectionState, CloseTrigger> Everything
    {
        get
        {
            var all = new TheoryData<TransportKind, ConnectionState, CloseTrigger>();
            foreach (TransportKind kind in OnFdm)
            {
                foreach (ConnectionState before in Enum.GetValues<ConnectionState>())
                {
                    foreach (CloseTrigger happening in Enum.GetValues<CloseTrigger>())
                    {
                        if (!IsTossUp(before, happening))
                        {
                            all.Add(kind, before, happening);
                        }
                    }
                }
            }

            return all;
        }
    }

    /// <summary>
    /// Where the story of Sockets itself differs from run to run: its pending receive and its pending send race for the
    /// one error that a socket has, or for the moment before it is closed under them.
    /// </summary>
    private static bool IsTossUp(ConnectionState before, CloseTrigger happening)
        => before == ConnectionState.OutputPaused
            && (happening is CloseTrigger.ClientReset or CloseTrigger.ClientClose or CloseTrigger.AbortWithoutReason);

    [Theory, MemberData(nameof(Everything))]
    public Task A_connection_ends_as_on_Sockets(TransportKind transport, ConnectionState before, CloseTrigger happening)
        => CompareAsync(transport, (kind, story) => new CloseScenario(story, before, happening).RunAsync(kind));
}
