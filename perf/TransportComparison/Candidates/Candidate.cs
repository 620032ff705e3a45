using System;
using System.Collections.Generic;

namespace KestrelFdmTransport.TransportComparison.Candidates;

/// <summary>A server to compare.</summary>
/// <param name="InlineSockets">The runtime's socket engine runs completions on its own threads.</param>
/// <param name="Native">The C server, which knows plain HTTP/1.1 without bodies only.</param>
/// <param name="OnlyIfNamed">For a single question; not among all.</param>
/// <param name="Old">The server comes from the folder that <c>--old</c> names: another build of this
/// repository.</param>
internal sealed record Candidate(
    string Name,
    string Description,
    bool InlineSockets = false,
    bool Native = false,
    bool OnlyIfNamed = false,
    bool Old = false)
{
    private const string OldSuffix = "-old";

    /// <summary>What the others are compared with.</summary>
    internal const string Reference = "sockets";

    internal static readonly IReadOnlyList<Candidate> All =
    [
        new(Reference, "Sockets transport, defaults"),
        new(
            "sockets-inline",
            "Sockets transport, UnsafePreferInlineScheduling and inline completions",
            InlineSockets: true),
        new("fdm", "this transport, defaults (Adaptive)"),
        new("fdm-inline", "this transport, Inline"),
        new("fdm-pool", "this transport, ThreadPool"),
        new("fdm-no-sets", "this transport without polling sets: order of arrival", OnlyIfNamed: true),
        new("fdm-no-migration", "this transport, connections stay on their loop", OnlyIfNamed: true),
        new("fdm-reuse-port", "this transport, a listen socket for each loop", OnlyIfNamed: true),
        new("fdm-old", "this transport as --old has it, Adaptive", OnlyIfNamed: true, Old: true),
        new("fdm-pool-old", "this transport as --old has it, ThreadPool", OnlyIfNamed: true, Old: true),
        new("c", "epoll server in C with a canned answer: the limit", Native: true),
    ];

    /// <summary>What the server process knows the candidate as.</summary>
    internal string ServerName => Old ? Name[..^OldSuffix.Length] : Name;

    /// <summary>It is this transport.</summary>
    internal bool HasLoops => Name.StartsWith("fdm", StringComparison.Ordinal);

    internal bool Is(string name) => string.Equals(Name, name, StringComparison.Ordinal);
}
