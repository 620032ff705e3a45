using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.UnitTests.PipeContract;

internal static class FuzzCampaign
{
    /// <summary>Runs sequences until one differs; null if none does.</summary>
    public static FuzzReport? Run<TStep>(
        FuzzSettings settings,
        Func<int, IReadOnlyList<TStep>> generate,
        Func<int, IReadOnlyList<TStep>, ComparisonResult> duel)
    {
        for (int i = 0; i < settings.Sequences; i++)
        {
            int seed = settings.FirstSeed + i;
            IReadOnlyList<TStep> steps = generate(seed);
            ComparisonResult first = duel(seed, steps);
            if (first.Difference is not null)
            {
                return Shrink(seed, steps, first, duel, settings.ShrinkBudget);
            }
        }

        return null;
    }

    private static FuzzReport Shrink<TStep>(
        int seed,
        IReadOnlyList<TStep> steps,
        ComparisonResult shortest,
        Func<int, IReadOnlyList<TStep>, ComparisonResult> duel,
        TimeSpan budget)
    {
        Shrinker.Shrink(steps, StillFails, budget);
        return new FuzzReport(seed, shortest.Difference!, shortest.Transcript);

        bool StillFails(IReadOnlyList<TStep> fewer)
        {
            ComparisonResult result = duel(seed, fewer);
            if (result.Difference is null)
            {
                return false;
            }

            shortest = result;
            return true;
        }
    }
}
