using System;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>The features that were set on a connection. Their keys are shared with other connections.</summary>
internal struct FeatureOverrides
{
    private FeatureKeys _keys = FeatureKeys.None;

    // What all the keys stand for, as Kestrel sets one object for several; or one value for each.
    private object? _values;

    public FeatureOverrides()
    {
    }

    internal FeatureKeys Keys => Volatile.Read(ref _keys);

    internal int Revision { get; private set; }

    /// <summary>The value of the key at an index of <see cref="Keys"/>.</summary>
    internal object? this[int index]
    {
        get
        {
            object? all = Volatile.Read(ref _values);
            return all is FeatureValue[] values ? values[index].Value : all;
        }
    }

    /// <summary>Null stays in the list, so that a feature of the connection's own remains removed.</summary>
    /// <param name="guard">Two that are set at once both stay, as they would on Sockets.</param>
    internal void Set(Type key, object? value, object guard)
    {
        lock (guard)
        {
            Revision++;
            FeatureKeys keys = _keys;
            int index = keys.IndexOf(key);
            bool isNew = index < 0;
            Put(isNew ? keys.Count : index, keys.Count + (isNew ? 1 : 0), value);
            if (isNew)
            {
                // After its value: a thread that finds a key finds what belongs to it.
                Volatile.Write(ref _keys, keys.Append(key));
            }
        }
    }

    private void Put(int index, int count, object? value)
    {
        object? present = _values;
        if (present is FeatureValue[] values)
        {
            if (index == values.Length)
            {
                Array.Resize(ref values, index + 4);
            }

            values[index].Value = value;
        }
        else if (index == 0 && count == 1)
        {
            Volatile.Write(ref _values, value);
            return;
        }
        else if (ReferenceEquals(present, value))
        {
            return;
        }
        else
        {
            values = new FeatureValue[count];
            Array.Fill(values, new FeatureValue { Value = present });
            values[index].Value = value;
        }

        Volatile.Write(ref _values, values);
    }

    /// <summary>A type that no feature has.</summary>
    private struct FeatureValue
    {
        internal object? Value;
    }
}
