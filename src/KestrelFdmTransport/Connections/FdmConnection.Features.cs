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
    private static readonly Type[] s_own =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionTransportFeature), typeof(IConnectionItemsFeature),
        typeof(IMemoryPoolFeature), typeof(IConnectionLifetimeFeature), typeof(IConnectionSocketFeature),
        typeof(IFdmConnectionFeature),
    ];

    private FeatureOverrides _overrides = new();

    bool IFeatureCollection.IsReadOnly => false;

    int IFeatureCollection.Revision => _overrides.Revision;

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
            int index = _overrides.Keys.IndexOf(key);
            return index >= 0 ? _overrides[index] : OwnFeature(key);
        }

        set => _overrides.Set(key, value, guard: _io);
    }

    /// <summary>As on Sockets, a missing struct is a null that cannot be unboxed.</summary>
    TFeature? IFeatureCollection.Get<TFeature>()
        where TFeature : default
        => (TFeature?)((IFeatureCollection)this)[typeof(TFeature)];

    void IFeatureCollection.Set<TFeature>(TFeature? instance)
        where TFeature : default
        => _overrides.Set(typeof(TFeature), instance, guard: _io);

    IEnumerator<KeyValuePair<Type, object>> IEnumerable<KeyValuePair<Type, object>>.GetEnumerator()
        => EnumerateFeatures();

    IEnumerator IEnumerable.GetEnumerator() => EnumerateFeatures();

    void IConnectionLifetimeFeature.Abort() => Abort(new ConnectionAbortedException(FeatureAbortMessage));

    private FdmConnection? OwnFeature(Type key)
    {
        foreach (Type own in s_own)
        {
            if (own == key)
            {
                return this;
            }
        }

        return null;
    }

    private IEnumerator<KeyValuePair<Type, object>> EnumerateFeatures()
    {
        foreach (Type key in s_own)
        {
            if (_overrides.Keys.IndexOf(key) < 0)
            {
                yield return new(key, this);
            }
        }

        FeatureKeys keys = _overrides.Keys;
        for (int i = 0; i < keys.Count; i++)
        {
            if (_overrides[i] is { } value)
            {
                yield return new(keys[i], value);
            }
        }
    }
}
