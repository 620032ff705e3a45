using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Removes steps, many at a time and then fewer, as long as the rest still fails.</summary>
internal static class Shrinker
{
    public static IReadOnlyList<TStep> Shrink<TStep>(
        IReadOnlyList<TStep> steps, Func<IReadOnlyList<TStep>, bool> stillFails, TimeSpan budget)
    {
        var clock = Stopwatch.StartNew();
        int size = Math.Max(1, steps.Count / 2);
        while (true)
        {
            bool removedAny = false;

            // From the end: what comes after the failure goes at once.
            for (int start = steps.Count - size; start >= 0 && clock.Elapsed < budget; start -= size)
            {
                List<TStep> fewer = [.. steps.Take(start), .. steps.Skip(start + size)];
                if (stillFails(fewer))
                {
                    steps = fewer;
                    removedAny = true;
                }
            }

            if (size > 1)
            {
                size /= 2;
            }
            else if (!removedAny)
            {
                return steps;
            }
        }
    }
}
