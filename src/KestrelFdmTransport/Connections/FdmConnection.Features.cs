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
/// The connection is its own feature collection. What it implements needs no storage; what others set goes into a short list.
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
    private KeyValuePair<Type, object?>[]? _features;
    private int _featureCount;
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
            int index = FeatureIndex(key);
            return index >= 0 ? _features![index].Value : OwnFeature(key);
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

    private int FeatureIndex(Type key)
    {
        for (int i = 0; i < _featureCount; i++)
        {
            if (_features![i].Key == key)
            {
                return i;
            }
        }

        return -1;
    }

    private void SetFeature(Type key, object? value)
    {
        _featureRevision++;
        int index = FeatureIndex(key);
        if (index < 0)
        {
            index = _featureCount;
            if (_features is null)
            {
                // As many as Kestrel sets.
                _features = new KeyValuePair<Type, object?>[4];
            }
            else if (index == _features.Length)
            {
                Array.Resize(ref _features, index + 4);
            }

            _featureCount++;
        }

        // A feature of our own that somebody removes stays in the list with null, so that the removal holds.
        _features![index] = new(key, value);
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
            if (FeatureIndex(key) < 0)
            {
                yield return new(key, this);
            }
        }

        for (int i = 0; i < _featureCount; i++)
        {
            if (_features![i].Value is { } value)
            {
                yield return new(_features[i].Key, value);
            }
        }
    }
}
