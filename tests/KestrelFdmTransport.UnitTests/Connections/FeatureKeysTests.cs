using System;
using System.Collections.Generic;
using KestrelFdmTransport.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

public sealed class FeatureKeysTests
{
    private static readonly Type[] s_types =
    [
        typeof(int),
        typeof(string),
        typeof(long),
        typeof(byte),
        typeof(short),
        typeof(char),
        typeof(bool),
        typeof(float),
        typeof(double),
        typeof(decimal),
        typeof(Guid),
        typeof(DateTime),
        typeof(TimeSpan),
        typeof(Uri),
        typeof(Version),
        typeof(Random),
        typeof(Type),
        typeof(object),
        typeof(Array),
        typeof(Attribute),
    ];

    [Fact]
    public void The_same_features_in_the_same_order_share_one_list()
    {
        FeatureKeys first = FeatureKeys.None.Append(typeof(FeatureKeysTests)).Append(typeof(Other));
        FeatureKeys second = FeatureKeys.None.Append(typeof(FeatureKeysTests)).Append(typeof(Other));

        Assert.Same(first, second);
        Assert.Equal(
            (2, 0, 1, -1),
            (first.Count, first.IndexOf(typeof(FeatureKeysTests)), first.IndexOf(typeof(Other)), first.IndexOf(
                typeof(int))));
    }

    [Fact]
    public void However_many_orders_there_are_every_list_is_right()
    {
        var random = new Random(1);
        for (int i = 0; i < 2_000; i++)
        {
            Type[] order = [.. s_types];
            random.Shuffle(order);
            FeatureKeys keys = FeatureKeys.None;
            foreach (Type type in order)
            {
                keys = keys.Append(type);
            }

            Assert.Equal(order, All(keys));
        }
    }

    private static IEnumerable<Type> All(FeatureKeys keys)
    {
        for (int i = 0; i < keys.Count; i++)
        {
            yield return keys[i];
        }
    }

    private sealed class Other;
}
