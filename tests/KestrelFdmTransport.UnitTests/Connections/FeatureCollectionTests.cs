using System;
using System.Collections.Generic;
using System.Linq;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Scheduling;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>
/// The connection as a feature collection against <see cref="FeatureCollection"/>, which holds the same from the start.
/// </summary>
#pragma warning disable CA1001 // The connection was never started, so there is nothing to end.
public sealed class FeatureCollectionTests
#pragma warning restore CA1001
{
    private static readonly Type[] s_own =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionTransportFeature), typeof(IConnectionItemsFeature),
        typeof(IMemoryPoolFeature), typeof(IConnectionLifetimeFeature), typeof(IConnectionSocketFeature),
        typeof(IFdmConnectionFeature),
    ];

    private static readonly Type[] s_foreign =
    [
        typeof(IDisposable), typeof(string), typeof(IFormattable), typeof(ICloneable), typeof(int), typeof(int?),
        typeof(IConnectionHeartbeatFeature), typeof(ITlsConnectionFeature), typeof(IComparable),
    ];

    private readonly ConnectionContext _connection;
    private readonly FeatureCollection _model = new();

    public FeatureCollectionTests()
    {
        var settings = new ConnectionSettings
        {
            Endpoint = new EndpointProfile(ApplicationScheduling.ThreadPool),
            FinOnError = false,
            ReadPauseThreshold = 0,
            WritePauseThreshold = 0,
            Logger = NullLogger.Instance,
        };
        _connection = new FdmConnection(
            new ConnectionIo(
                -1,
                isUnix: false,
                new EndpointBuffers(new CheckingMemoryPoolFactory().Create(), NullLogger.Instance),
                settings),
            new(default),
            default);
        foreach (Type key in s_own)
        {
            _model[key] = _connection;
        }
    }

    private IFeatureCollection Features => _connection.Features;

    [Fact]
    public void At_first_it_has_what_the_connection_implements()
    {
        AssertLikeModel();
        Assert.Equal(7, Features.Count());
        Assert.False(Features.IsReadOnly);
        Assert.Same(_connection, Features.Get<IConnectionIdFeature>());
        Assert.Null(Features.Get<ITlsConnectionFeature>());
    }

    [Fact]
    public void A_feature_of_its_own_may_be_replaced_and_removed()
    {
        var other = new ItemsFeature();
        Features.Set<IConnectionItemsFeature>(other);
        Assert.Same(other, Features.Get<IConnectionItemsFeature>());

        Features.Set<IConnectionItemsFeature>(null);
        Assert.Null(Features.Get<IConnectionItemsFeature>());
        Assert.Null(Features[typeof(IConnectionItemsFeature)]);
        Assert.DoesNotContain(Features, entry => entry.Key == typeof(IConnectionItemsFeature));
    }

    [Fact]
    public void A_null_key_is_one_like_any_other_as_on_Sockets()
    {
        Assert.Null(Features[null!]);
        Features[null!] = this;
        Assert.Same(this, Features[null!]);
    }

    [Fact]
    public void A_struct_that_is_not_there_throws_as_on_Sockets()
    {
        Assert.Throws<NullReferenceException>(() => Features.Get<int>());
        Features[typeof(int)] = null;
        Assert.Throws<NullReferenceException>(() => Features.Get<int>());
    }

    [Fact]
    public void Value_types_behave_as_in_the_framework()
    {
        AssertSame(features => features.Get<int?>());
        Features.Set(5);
        _model.Set(5);
        AssertSame(features => features.Get<int>());
        Features.Set<int?>(null);
        _model.Set<int?>(null);
        AssertSame(features => features.Get<int?>());
    }

    [Fact]
    public void A_feature_of_the_wrong_type_fails_as_in_the_framework()
    {
        Features[typeof(string)] = 5;
        _model[typeof(string)] = 5;

        AssertSame(features => features.Get<string>());
    }

    [Fact]
    public void Random_sets_and_removals_give_the_same_features_as_the_framework()
    {
        var random = new Random(1);
        Type[] keys = [.. s_own, .. s_foreign];
        for (int i = 0; i < 20_000; i++)
        {
            Type key = keys[random.Next(keys.Length)];
            object? value = random.Next(3) == 0 ? null : new object();
            bool changes = _model[key] != value;
            int revision = Features.Revision;

            Features[key] = value;
            _model[key] = value;

            Assert.Same(value, Features[key]);
            Assert.True(!changes || Features.Revision != revision, "A change must show in the revision.");
            if (i % 100 == 0)
            {
                AssertLikeModel();
            }
        }
    }

    [Fact]
    public void Reading_does_not_change_the_revision()
    {
        Features.Set<IFormattable>(5);
        int revision = Features.Revision;

        _ = Features.Get<IFormattable>();
        _ = Features[typeof(IConnectionIdFeature)];
        _ = Features.ToArray();

        Assert.Equal(revision, Features.Revision);
    }

    [Fact]
    public void References_to_features_see_a_replacement()
    {
        var references = default(FeatureReferences<IConnectionItemsFeature>);
        references.Initalize(Features);
        Assert.Same(_connection, references.Fetch(ref references.Cache, _ => null));

        var other = new ItemsFeature();
        Features.Set<IConnectionItemsFeature>(other);

        Assert.Same(other, references.Fetch(ref references.Cache, _ => null));
    }

    [Fact]
    public void Its_features_show_what_the_connection_shows()
    {
        Features.GetRequiredFeature<IConnectionIdFeature>().ConnectionId = "an id";
        Assert.Equal("an id", _connection.ConnectionId);

        var items = new Dictionary<object, object?>();
        Features.GetRequiredFeature<IConnectionItemsFeature>().Items = items;
        Assert.Same(items, _connection.Items);

        Assert.Same(_connection.Transport, Features.GetRequiredFeature<IConnectionTransportFeature>().Transport);
        Assert.Equal(
            _connection.ConnectionClosed,
            Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed);
    }

    private void AssertLikeModel()
    {
        Assert.Equal(AsDictionary(_model), AsDictionary(Features));
        Assert.All(s_own.Concat(s_foreign), key => Assert.Same(_model[key], Features[key]));
    }

    private void AssertSame<T>(Func<IFeatureCollection, T> get)
        => Assert.Equal(Outcome(_model, get), Outcome(Features, get));

    private static string Outcome<T>(IFeatureCollection features, Func<IFeatureCollection, T> get)
    {
        try
        {
            return get(features)?.ToString() ?? "null";
        }
        catch (Exception exception)
        {
            // The framework's own collection must throw the same exception.
            return $"{exception.GetType()}: {exception.Message}";
        }
    }

    private static Dictionary<Type, object> AsDictionary(IFeatureCollection features)
        => features.ToDictionary(entry => entry.Key, entry => entry.Value);

    private sealed class ItemsFeature : IConnectionItemsFeature
    {
        public IDictionary<object, object?> Items { get; set; } = new ConnectionItems();
    }
}
