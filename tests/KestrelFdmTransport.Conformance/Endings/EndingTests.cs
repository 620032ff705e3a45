using System;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Endings;

/// <summary>Every way a connection may end, in every state it may be in, compared with Sockets.</summary>
public sealed class EndingTests(ITestOutputHelper output) : OracleTest(output)
{
    public static TheoryData<TransportKind, Before, Happening> Everything
    {
        get
        {
            var all = new TheoryData<TransportKind, Before, Happening>();
            foreach (TransportKind kind in OnFdm)
            {
                foreach (Before before in Enum.GetValues<Before>())
                {
                    foreach (Happening happening in Enum.GetValues<Happening>())
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
    /// Where the story of Sockets itself differs from run to run: its pending receive and its pending send race for the one error
    /// that a socket has, or for the moment before it is closed under them.
    /// </summary>
    private static bool IsTossUp(Before before, Happening happening)
        => before == Before.OutputPaused && (happening is Happening.ClientReset or Happening.ClientClose or Happening.AbortWithoutReason);

    [Theory, MemberData(nameof(Everything))]
    public Task A_connection_ends_as_on_Sockets(TransportKind transport, Before before, Happening happening)
        => CompareAsync(transport, (kind, story) => new EndingScenario(story, before, happening).RunAsync(kind));
}
