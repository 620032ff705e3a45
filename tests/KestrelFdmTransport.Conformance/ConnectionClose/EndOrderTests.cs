using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.ConnectionClose;

/// <summary>
/// The order in which reader, writer, token and log see the end of a connection, and how many operations succeed
/// meanwhile, compared with Sockets.
/// </summary>
/// <remarks>
/// On Sockets the result varies where its two loops race for the end. So every round here must match a round there, or
/// one of those written down below. In one point this transport promises more: flushes end after the token. Sockets
/// often reverses that, and a handler that ignores the flush's result then writes some hundred thousand times into
/// nothing.
/// </remarks>
[Trait("Category", "Slow")]
public sealed class EndOrderTests(ITestOutputHelper output) : TransportTest(output)
{
    private const int Rounds = 8;

    /// <summary>Each takes as long as the timeout.</summary>
    private const int IdleRounds = 3;

    private const int Limit = 16 * 1024;

    /// <summary>As many writes as the limit has room for, and some.</summary>
    private const int Few = 64;

    /// <summary>While an idle timeout runs, some kernels find room for a few hundred more writes.</summary>
    private const int FewWithRoom = 1024;

    private readonly ITestOutputHelper _output = output;

    public static TheoryData<TransportKind, Ending, bool> Everything
    {
        get
        {
            var all = new TheoryData<TransportKind, Ending, bool>();
            foreach (TransportKind kind in OnFdm)
            {
                foreach (Ending ending in Enum.GetValues<Ending>())
                {
                    all.Add(kind, ending, false);
                    if (ending is Ending.Abort
                            or Ending.ClientFin
                            or Ending.ClientReset
                            or Ending.OutputCompletedWithError
                            or Ending.SendError)
                    {
                        all.Add(kind, ending, true);
                    }
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Everything))]
    public async Task An_ending_is_seen_in_an_order_of_Sockets(TransportKind transport, Ending ending, bool busy)
    {
        IReadOnlyList<EndOrder> expected = await ObserveAsync(TransportKind.Sockets, ending, busy);
        IReadOnlyList<EndOrder> actual = await ObserveAsync(transport, ending, busy);

        HashSet<string> known = [.. expected.SelectMany(order => order.Lines), .. Rare(ending)];
        Assert.All(actual, order => Assert.All(order.Lines, line => Assert.Contains(line, known)));
        Assert.All(actual, order => Assert.Equal(0, order.Reads));

        // A thread may lose its CPU between the two; it does not in most rounds.
        int most = (actual.Count - 1) * 3 / 4;
        int flushes = actual.Select(order => order.Flushes).Order().ElementAt(most);
        Assert.True(
            flushes <= (ending == Ending.IdleTimeout ? FewWithRoom : Few),
            $"Flushes that succeeded: {string.Join(' ', actual.Select(order => order.Flushes))}");
        if (transport != TransportKind.Sockets && !Drains(ending) && ending != Ending.IdleTimeout)
        {
            int after = actual.Count(order => order.IsFlushAfterToken);
            Assert.True(after > most, $"Only {after} of {actual.Count} flushes have ended after the token.");
        }
    }

    /// <summary>The client takes what is unsent, so that the flush has its room and needs no end.</summary>
    private static bool Drains(Ending ending)
        => ending is Ending.OutputCompleted or Ending.BothCompleted or Ending.Disposed;

    /// <summary>
    /// What Sockets shows so seldom that it may be missing from its rounds, and what has no counterpart there.
    /// </summary>
    private static IEnumerable<string> Rare(Ending ending)
    {
        // The kernel may still find room for a few bytes when the end is near.
        yield return EndOrderScenario.FlushWithRoom;
        if (Drains(ending))
        {
            yield return EndOrderScenario.FlushAtEnd;
        }

        if (ending == Ending.IdleTimeout)
        {
            yield return EndOrderScenario.IdleLog;
        }
    }

    private async Task<IReadOnlyList<EndOrder>> ObserveAsync(TransportKind transport, Ending ending, bool busy)
    {
        var orders = new List<EndOrder>();
        using (BusyMachine.StartIf(busy))
        {
            bool usesUpListener = ending == Ending.ListenerDisposedThenAbort;
            int rounds = ending == Ending.IdleTimeout ? IdleRounds : Rounds;
            while (orders.Count < rounds)
            {
                await using BareTransport bare = await BareTransport.StartAsync(transport, new TransportSettings
                {
                    MaxReadBufferSize = new BufferLimit(Limit),
                    MaxWriteBufferSize = new BufferLimit(Limit),
                });
                do
                {
                    orders.Add(await new EndOrderScenario(bare, ending).RunAsync());
                }
                while (!usesUpListener && orders.Count < rounds);
            }
        }

        foreach (EndOrder order in orders)
        {
            _output.WriteLine(
                $"{transport}: {order.Reads} reads, {order.Flushes} flushes, token first {order.IsFlushAfterToken}, "
                    + $"{string.Join("; ", order.Lines)}");
        }

        return orders;
    }
}
