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
/// The connection is its own feature collection. What it implements needs no storage; what others set has keys that it shares with other connections.
/// </content>
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

    MemoryPool<byte> IMemoryPoolFeature.MemoryPool => _io.Blocks.Pool;

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
            int index = _featureKeys.IndexOf(key);
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

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator() => EnumerateFeatures();

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

    private object? FeatureAt(int index) => _featureValues is FeatureValue[] values ? values[index].Value : _featureValues;

    private void SetFeature(Type key, object? value)
    {
        // A feature of our own that somebody removes stays in the list with null, so that the removal holds.
        _featureRevision++;
        int index = _featureKeys.IndexOf(key);
        if (index < 0)
        {
            index = _featureKeys.Count;
            _featureKeys = _featureKeys.With(key);
            if (index == 0)
            {
                _featureValues = value;
                return;
            }
        }

        if (_featureValues is not FeatureValue[] values)
        {
            if (ReferenceEquals(_featureValues, value))
            {
                return;
            }

            values = new FeatureValue[_featureKeys.Count];
            Array.Fill(values, new FeatureValue { Value = _featureValues });
            _featureValues = values;
        }
        else if (index == values.Length)
        {
            Array.Resize(ref values, index + 4);
            _featureValues = values;
        }

        values[index].Value = value;
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

        for (int i = 0; i < _featureKeys.Count; i++)
        {
            if (FeatureAt(i) is { } value)
            {
                yield return new(_featureKeys[i], value);
            }
        }
    }

    /// <summary>A type that no feature has.</summary>
    private struct FeatureValue
    {
        internal object? Value;
    }
}
