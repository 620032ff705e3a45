using System;
using System.Collections.Generic;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>What a case wants different from an HTTP server on a free port of 127.0.0.1.</summary>
internal sealed class TestServerSetup
{
    /// <summary>Kestrel tries to drain a body that could not be read, and logs that it cannot.</summary>
    public const string DrainError = "RequestBodyDrainBodyReaderInvalidState";

    public static readonly IPEndPoint FreeLoopbackPort = new(IPAddress.Loopback, 0);

    public IReadOnlyList<EndPoint> EndPoints { get; init; } = [FreeLoopbackPort];

    /// <summary>An address for the host's configuration, with <see cref="EndPoints"/> empty.</summary>
    public string? Url { get; init; }

    public Action<ListenOptions>? Listen { get; init; }

    public Action<KestrelServerOptions>? Kestrel { get; init; }

    public Action<IApplicationBuilder>? Pipeline { get; init; }

    public TransportSettings Transport { get; init; } = new();

    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The case leaves connections that the server has to abort when it stops.</summary>
    public bool AbortsWhenStopping { get; init; }

    /// <summary>The one error, by event name or message, that Kestrel logs because of what the case does.</summary>
    public string? ExpectedError { get; init; }
}
