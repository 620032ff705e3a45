using System;
using System.Collections.Generic;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelFdmTransport.Conformance.Protocols;

/// <summary>What an application consists of.</summary>
internal sealed record ApplicationServerSetup
{
    public Action<WebApplicationBuilder>? Build { get; init; }

    public Action<WebApplication>? Map { get; init; }

    public Action<ListenOptions>? Listen { get; init; }

    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The errors, by event name or message, that are logged because of what the case does.</summary>
    public IReadOnlyList<string> ExpectedErrors { get; init; } = [];
}
