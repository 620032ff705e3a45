using System;
using System.Collections.Generic;
using System.Linq;

namespace KestrelFdmTransport.UnitTests.PipeContract;

internal sealed class WeightedChoice<T>(IReadOnlyList<(T Value, int Weight)> choices)
{
    private readonly int _sum = choices.Sum(choice => choice.Weight);

    public T Next(Random random)
    {
        int ticket = random.Next(_sum);
        foreach ((T value, int weight) in choices)
        {
            ticket -= weight;
            if (ticket < 0)
            {
                return value;
            }
        }

        throw new InvalidOperationException("A ticket is less than the sum of the weights.");
    }
}
