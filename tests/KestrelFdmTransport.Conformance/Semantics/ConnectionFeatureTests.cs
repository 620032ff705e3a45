using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Semantics;

/// <summary>A connection as a collection of features.</summary>
public sealed class ConnectionFeatureTests(ITestOutputHelper output) : OracleTest(output)
{
    private const string App = "app";

    private static readonly Type[] s_known =
    [
        typeof(IConnectionIdFeature), typeof(IConnectionTransportFeature), typeof(IConnectionItemsFeature),
        typeof(IMemoryPoolFeature), typeof(IConnectionLifetimeFeature), typeof(IConnectionSocketFeature),
        typeof(IPersistentStateFeature), typeof(IProtocolErrorCodeFeature), typeof(IConnectionMetricsTagsFeature),
        typeof(IStreamDirectionFeature),
        typeof(IStreamIdFeature),
        typeof(IStreamAbortFeature),
        typeof(IStreamClosedFeature),
        typeof(IConnectionEndPointFeature),
        typeof(IConnectionHeartbeatFeature),
        typeof(IConnectionLifetimeNotificationFeature),
        typeof(IConnectionCompleteFeature), typeof(IConnectionInherentKeepAliveFeature), typeof(IConnectionUserFeature),
        typeof(ITransferFormatFeature), typeof(ITlsHandshakeFeature), typeof(IConnectionNamedPipeFeature),
        typeof(IFeatureCollection), typeof(ConnectionContext),
    ];

    [Theory, MemberData(nameof(OnFdm))]
    public Task The_same_ones_are_present(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        IFeatureCollection features = connection.Features;
        foreach (Type key in s_known)
        {
            transcript.Add(
                App,
                $"{key.Name}: {features[key] is not null}, the connection itself: "
                    + $"{ReferenceEquals(features[key], connection)}");
        }

        transcript.Add(
            App,
            $"steady: {ReferenceEquals(features, connection.Features)}; read only: {features.IsReadOnly}; revision: "
                + $"{features.Revision}");
        AddAll(transcript, features);
        transcript.Add(App, $"{features.Get<IMemoryPoolFeature>()!.MemoryPool.MaxBufferSize}");
        client.Dispose();
        await connection.DisposeAsync().Within();
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task What_cannot_be_there_is_answered_in_the_same_way(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        IFeatureCollection features = connection.Features;
        transcript.Step(App, "no key", () => $"{features[null!]}");
        transcript.Step(App, "set no key", () =>
        {
            features[null!] = new object();
            return "done";
        });
        transcript.Step(App, "missing struct", () => $"{features.Get<int>()}");
        transcript.Step(App, "missing nullable", () => $"{features.Get<int?>() is null}");
        client.Dispose();
        await connection.DisposeAsync().Within();
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task They_can_be_replaced_removed_and_added(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        IFeatureCollection features = connection.Features;

        void Show(string step)
        {
            transcript.Add(App, $"{step}: revision {features.Revision}");
            AddAll(transcript, features);
        }

        var own = new OwnFeature();
        features.Set<IConnectionIdFeature>(own);
        transcript.Add(
            App,
            $"{ReferenceEquals(own, features.Get<IConnectionIdFeature>())} {connection.ConnectionId.Length}");
        Show("replaced");
        features.Set<IConnectionIdFeature>(null);
        transcript.Add(App, $"{features.Get<IConnectionIdFeature>() is null}");
        Show("removed");
        features.Set<IConnectionIdFeature>(null);
        Show("removed again");
        features.Set<IConnectionIdFeature>((IConnectionIdFeature)connection);
        Show("put back");

        features.Set<IPersistentStateFeature>(null);
        Show("removed what is known and was not there");
        features.Set(own);
        Show("added");
        features.Set<OwnFeature>(null);
        Show("removed");
        features[typeof(string)] = "text";
        features[typeof(object)] = own;
        features[typeof(int)] = 7;
        transcript.Add(App, $"{features.Get<string>()} {features.Get<int>()} {features.Get<object>() == own}");
        Show("added three");
        features[typeof(string)] = null;
        features[typeof(Uri)] = null;
        Show("removed one of them and one that was not there");
        client.Dispose();
        await connection.DisposeAsync().Within();
        Show("after disposal");
    });

    [Theory, MemberData(nameof(OnFdm))]
    public Task A_removed_feature_does_not_take_the_connections_property_along(TransportKind transport)
        => CompareAsync(transport, async (kind, transcript) =>
    {
        await using BareTransport bare = await BareTransport.StartAsync(kind);
        (RawClient client, ConnectionContext connection) = await bare.ConnectAsync();
        foreach (Type key in s_known)
        {
            connection.Features[key] = null;
        }

        AddAll(transcript, connection.Features);
        transcript.Step(App, "id", () => $"{connection.ConnectionId.Length}");
        transcript.Step(App, "items", () => $"{connection.Items.Count}");
        transcript.Step(App, "closed", () => $"{connection.ConnectionClosed.IsCancellationRequested}");
        await transcript.StepAsync(App, "write", () => connection.WriteTextAsync("x"));
        transcript.Step(App, "abort", () =>
        {
            connection.Abort();
            return "done";
        });
        await transcript.StepAsync(App, "dispose", async () => await connection.DisposeAsync());
        client.Dispose();
    });

    private static void AddAll(Transcript transcript, IFeatureCollection features)
    {
        // The one that is meant to differ.
        IEnumerable<string> names = features.Select(feature => feature.Key.Name).Where(
            name => !string.Equals(name, "IFdmConnectionFeature", StringComparison.Ordinal));
        transcript.Add(App, "    " + string.Join(", ", names.Order(StringComparer.Ordinal)));
        transcript.Add(
            App,
            $"    none is null: {features.All(feature => feature.Value is not null)}, as many untyped: "
                + $"{((IEnumerable)features).Cast<object>().Count() == features.Count()}");
    }

    private sealed class OwnFeature : IConnectionIdFeature
    {
        public string ConnectionId { get; set; } = "own";
    }
}
