using System;
using System.Buffers;
using System.Collections;
using System.Collections.Generic;
using System.Net.Sockets;
using System.Threading;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelFdmTransport.Connections;

/// <content>
/// The connection is its own feature collection. What it implements needs no storage; what others set has keys that it
/// shares with other connections. </content>
internal sealed partial class FdmConnection :
    IFeatureCollection,
    IConnectionIdFeature,
    IConnectionTransportFeature,
    IConnectionItemsFeature,
    IMemoryPoolFeature,
    IConnectionLifetimeFeature,
    IConnectionSocketFeature
{
    private FeatureKeys _featureKeys = FeatureKeys.None;

    // What all the keys stand for, as Kestrel sets one object for several; or one value for each.
    private object? _featureValues;
    private int _featureRevision;

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _featureRevision;

    MemoryPool<byte> IMemoryPoolFeature.MemoryPool => _io.Buffers.Pool;

    Socket IConnectionSocketFeature.Socket => _io.GetSocket();

    CancellationToken IConnectionLifetimeFeature.ConnectionClosed
    {
        get => ConnectionClosed;
        set => ConnectionClosed = value;
    }

    IDictionary<object, object?> IConnectionItemsFeature.Items
    {
        get => Items;
        set => Items = value;
    }

    object? IFeatureCollection.this[Type key]
    {
        get
        {
            int index = Volatile.Read(ref _featureKeys).IndexOf(key);
            return index >= 0 ? FeatureAt(index) : OwnFeature(key);
        }

        set => SetFeature(key, value);
    }

    /// <summary>As on Sockets, a struct that is not there is a null that cannot be unboxed.</summary>
    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default
        => (TFeature?)((IFeatureCollection)this)[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default
        => SetFeature(typeof(TFeature), instance);

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
        => EnumerateFeatures();

    IEnumerator IEnumerable.GetEnumerator() => EnumerateFeatures();

    void IConnectionLifetimeFeature.Abort() => Abort(new ConnectionAbortedException(FeatureAbortMessage));

    private static bool IsOwnFeature(Type key)
        => key == typeof(IConnectionIdFeature)
            || key == typeof(IConnectionTransportFeature)
            || key == typeof(IConnectionItemsFeature)
            || key == typeof(IMemoryPoolFeature)
            || key == typeof(IConnectionLifetimeFeature)
            || key == typeof(IConnectionSocketFeature)
            || key == typeof(IFdmConnectionFeature);

    private FdmConnection? OwnFeature(Type key) => IsOwnFeature(key) ? this : null;

    /// <summary>Called with an index that <see cref="_featureKeys"/> has said before.</summary>
    private object? FeatureAt(int index)
    {
        object? all = Volatile.Read(ref _featureValues);
        return all is FeatureValue[] values ? values[index].Value : all;
    }

    private void SetFeature(Type key, object? value)
    {
        // Nobody may, but somebody may set two at once, and look at a third: then both stay, as they would on Sockets.
        lock (_io)
        {
            // A feature of our own that somebody removes stays in the list with null, so that the removal holds.
            _featureRevision++;
            FeatureKeys keys = _featureKeys;
            int index = keys.IndexOf(key);
            bool isNew = index < 0;
            PutValue(isNew ? keys.Count : index, keys.Count + (isNew ? 1 : 0), value);
            if (isNew)
            {
                // After its value: whoever finds a key finds what belongs to it.
                Volatile.Write(ref _featureKeys, keys.Append(key));
            }
        }
    }

    private void PutValue(int index, int count, object? value)
    {
        object? present = _featureValues;
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
            Volatile.Write(ref _featureValues, value);
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

        Volatile.Write(ref _featureValues, values);
    }

    private IEnumerator<KeyValuePair<Type, object>> EnumerateFeatures()
    {
        Type[] own =
        [
            typeof(IConnectionIdFeature), typeof(IConnectionTransportFeature), typeof(IConnectionItemsFeature),
            typeof(IMemoryPoolFeature), typeof(IConnectionLifetimeFeature), typeof(IConnectionSocketFeature),
            typeof(IFdmConnectionFeature),
        ];
        foreach (Type key in own)
        {
            if (_featureKeys.IndexOf(key) < 0)
            {
                yield return new(key, this);
            }
        }

        FeatureKeys keys = Volatile.Read(ref _featureKeys);
        for (int i = 0; i < keys.Count; i++)
        {
            if (FeatureAt(i) is { } value)
            {
                yield return new(keys[i], value);
            }
        }
    }

    /// <summary>A type that no feature has.</summary>
    private struct FeatureValue
    {
        internal object? Value;
    }
}
