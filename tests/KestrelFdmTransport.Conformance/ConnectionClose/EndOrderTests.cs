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
    /// <summary>
    /// A reset leaves the socket one error, for which receive and send race on both transports. The other one sees a
    /// FIN, or the same error again, or nothing any more.
    /// </summary>
    private static readonly string[] s_resets =
    [
        "read: completed=True cancelled=False",
        "read: ConnectionResetException",
        "log: 19 8 | token | ",
        "log: 6 19 8 | token | ",
        "log: 19 8 6 | token | ",
        "log: 19 19 8 | token | ",
        "log: 19 | token | 19 8",
        "log: 19 | token | 8",
        "log: 19 | token | 7",
    ];

    private const int Rounds = 8;
    private const int MostRounds = 32;

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
            // On a busy machine the kernel may still find room for a flush that has waited. It has not ended, then.
            EndOrder[] ended = [.. actual.Where(static order => !HadRoom(order))];
            int after = ended.Count(order => order.IsFlushAfterToken);
            Assert.True(
                after > (ended.Length - 1) * 3 / 4,
                $"Only {after} of {ended.Length} flushes have ended after the token.");
        }
    }

    /// <summary>The client takes what is unsent, so that the flush has its room and needs no end.</summary>
    private static bool Drains(Ending ending)
        => ending is Ending.OutputCompleted or Ending.BothCompleted or Ending.Disposed;

    /// <summary>Rounds in which the kernel has found room for the flush that waited say nothing of its end.</summary>
    private static bool IsEnough(List<EndOrder> orders, Ending ending, int rounds)
        => orders.Count >= rounds
            && (Drains(ending)
                || orders.Count >= MostRounds
                || orders.Exists(static order => !HadRoom(order)));

    private static bool HadRoom(EndOrder order)
        => order.Lines.Contains(EndOrderScenario.FlushWithRoom, StringComparer.Ordinal);

    /// <summary>
    /// What Sockets shows so seldom that it may be missing from its rounds, and what has no counterpart there.
    /// </summary>
    private static IEnumerable<string> Rare(Ending ending)
    {
        foreach (string line in ending == Ending.ClientReset ? s_resets : [])
        {
            yield return line;
        }

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
            while (!IsEnough(orders, ending, rounds))
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
                while (!usesUpListener && !IsEnough(orders, ending, rounds));
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
