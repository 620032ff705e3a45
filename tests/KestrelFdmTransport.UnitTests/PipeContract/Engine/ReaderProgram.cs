using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Makes random sequences of reader steps. About three in four of them have a meaning where they stand.
/// </summary>
internal static class ReaderProgram
{
    public const int Length = 52;

    private static readonly (ReaderAction Action, int Weight)[] s_weights =
    [
        (ReaderAction.Feed, 230),
        (ReaderAction.Read, 230),
        (ReaderAction.ReadAtLeast, 80),
        (ReaderAction.TryRead, 80),
        (ReaderAction.Advance, 280),
        (ReaderAction.AdvanceToDefault, 20),
        (ReaderAction.AdvanceBackwards, 15),
        (ReaderAction.AdvanceAgain, 15),
        (ReaderAction.CancelPendingRead, 50),
        (ReaderAction.CancelToken, 50),
        (ReaderAction.Collect, 110),
        (ReaderAction.Complete, 6),
        (ReaderAction.EndOfInput, 8),
    ];

    // Every sequence comes to an end that shows what is left in it.
    private static readonly Step<ReaderAction>[] s_ending =
    [
        new(ReaderAction.Collect, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.CancelPendingRead, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.Collect, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.Advance, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.Read, 0, 0, TokenChoice.None, Attach: true),
        new(ReaderAction.Read, 0, 0, TokenChoice.None, Attach: true),
        new(ReaderAction.EndOfInput, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.Advance, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.Read, 0, 0, TokenChoice.None, Attach: true),
        new(ReaderAction.Advance, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.TryRead, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.Complete, 0, 0, TokenChoice.None, Attach: false),
        new(ReaderAction.Read, 0, 0, TokenChoice.None, Attach: false),
    ];

    public static IReadOnlyList<Step<ReaderAction>> Generate(int seed)
    {
        var random = new Random(seed);
        var actions = new WeightedChoice<ReaderAction>(s_weights);
        List<Step<ReaderAction>> steps = new(Length + s_ending.Length);
        while (steps.Count < Length)
        {
            ReaderAction action = actions.Next(random);
            steps.Add(new Step<ReaderAction>(
                action, Size(action, random), random.Next(1 << 20), Token(random), random.Next(3) > 0));
        }

        steps.AddRange(s_ending);
        return steps;
    }

    private static int Size(ReaderAction action, Random random) => action switch
    {
        ReaderAction.Feed => SizeGenerator.Next(random, 20_000),
        ReaderAction.ReadAtLeast when random.Next(8) == 0 => 0,
        ReaderAction.ReadAtLeast => SizeGenerator.Next(random, 3 * FixedBlockPool.BlockSize),
        _ => random.Next(1 << 20),
    };

    private static TokenChoice Token(Random random) => random.Next(10) switch
    {
        < 6 => TokenChoice.None,
        < 9 => TokenChoice.Fresh,
        _ => TokenChoice.AlreadyCancelled,
    };
}
