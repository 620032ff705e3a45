using System;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The keys of the features that were set on a connection, in their order. Middleware sets the same features on every
/// connection, so connections share these lists.
/// </summary>
internal sealed class FeatureKeys
{
    /// <summary>Longer lists are not shared.</summary>
    private const int MaxSharedLength = 16;

    private const int MaxSharedSets = 256;

    private static int s_lists;

    internal static readonly FeatureKeys None = new([]);

    private readonly Type[] _keys;
    private FeatureKeys[] _longer = [];

    private FeatureKeys(Type[] keys) => _keys = keys;

    internal int Count => _keys.Length;

    internal Type this[int index] => _keys[index];

    /// <summary>-1 if there is none.</summary>
    internal int IndexOf(Type key)
    {
        Type[] keys = _keys;
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] == key)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>A type of an unloadable plug-in must not be kept alive.</summary>
    private bool MayShare(Type? key)
        => key is { IsCollectible: false } && Count < MaxSharedLength && Volatile.Read(ref s_lists) < MaxSharedSets;

    /// <summary>These keys and <paramref name="key"/> behind them. Any thread.</summary>
    internal FeatureKeys Append(Type key)
    {
        while (true)
        {
            FeatureKeys[] longer = Volatile.Read(ref _longer);
            foreach (FeatureKeys keys in longer)
            {
                if (keys._keys[^1] == key)
                {
                    return keys;
                }
            }

            var made = new FeatureKeys([.. _keys, key]);
            if (!MayShare(key) || longer.Length == MaxSharedLength)
            {
                return made;
            }

            if (Interlocked.CompareExchange(ref _longer, [.. longer, made], longer) == longer)
            {
                Interlocked.Increment(ref s_lists);
                return made;
            }
        }
    }
}
