using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Makes random sequences of writer steps. About three in four of them have a meaning where they stand.
/// </summary>
internal static class WriterProgram
{
    public const int Length = 52;

    private const int Everything = 1 << 20;

    private static readonly (WriterAction Action, int Weight)[] s_weights =
    [
        (WriterAction.GetMemory, 170),
        (WriterAction.GetSpan, 80),
        (WriterAction.GetNegative, 10),
        (WriterAction.Advance, 220),
        (WriterAction.AdvanceTooFar, 15),
        (WriterAction.AdvanceNegative, 10),
        (WriterAction.Flush, 170),
        (WriterAction.Write, 160),
        (WriterAction.CancelPendingFlush, 50),
        (WriterAction.CancelToken, 40),
        (WriterAction.Collect, 90),
        (WriterAction.Drain, 130),
        (WriterAction.Complete, 6),
        (WriterAction.EndOfOutput, 7),
    ];

    // Every sequence comes to an end that shows what is left in it.
    private static readonly Step<WriterAction>[] s_ending =
    [
        new(WriterAction.Collect, 0, 0, TokenChoice.None, Attach: true),
        new(WriterAction.Drain, Everything, 0, TokenChoice.None, Attach: false),
        new(WriterAction.Flush, 0, 0, TokenChoice.None, Attach: true),
        new(WriterAction.Write, 100, 0, TokenChoice.None, Attach: true),
        new(WriterAction.Complete, 0, 0, TokenChoice.None, Attach: false),
        new(WriterAction.Drain, Everything, 0, TokenChoice.None, Attach: false),
        new(WriterAction.Flush, 0, 0, TokenChoice.None, Attach: true),
        new(WriterAction.GetMemory, 0, 0, TokenChoice.None, Attach: false),
        new(WriterAction.Write, 100, 0, TokenChoice.None, Attach: false),
    ];

    public static IReadOnlyList<Step<WriterAction>> Generate(int seed)
    {
        var random = new Random(seed);
        var actions = new WeightedChoice<WriterAction>(s_weights);
        List<Step<WriterAction>> steps = new(Length + s_ending.Length);
        while (steps.Count < Length)
        {
            WriterAction action = actions.Next(random);
            steps.Add(new Step<WriterAction>(
                action, Size(action, random), random.Next(1 << 20), Token(random), random.Next(3) > 0));
        }

        steps.AddRange(s_ending);
        return steps;
    }

    private static int Size(WriterAction action, Random random) => action switch
    {
        WriterAction.GetMemory or WriterAction.GetSpan => random.Next(3) == 0 ? SizeGenerator.Next(random, 10_000) : 0,
        WriterAction.Write when random.Next(10) == 0 => 0,
        WriterAction.Write => SizeGenerator.Next(random, 30_000),
        WriterAction.Drain => SizeGenerator.Next(random, 60_000),
        _ => random.Next(1 << 20),
    };

    private static TokenChoice Token(Random random) => random.Next(10) switch
    {
        < 6 => TokenChoice.None,
        < 9 => TokenChoice.Fresh,
        _ => TokenChoice.AlreadyCancelled,
    };
}
