using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Conformance.Protocols.Tls;

/// <summary>Keeps what the server sends, so that the TLS records themselves can be looked at.</summary>
internal sealed class RecordingStream(Stream inner) : WrappedStream(inner)
{
    private const int HeaderLength = 5;

    private readonly List<byte> _received = [];

    /// <summary>The content types of the records received; a record that is not complete is an error.</summary>
    public IReadOnlyList<int> RecordTypes()
    {
        var types = new List<int>();
        ReadOnlySpan<byte> rest = CollectionsMarshal.AsSpan(_received);
        while (!rest.IsEmpty)
        {
            types.Add(rest[0]);
            rest = rest[(HeaderLength + (rest[3] << 8) + rest[4])..];
        }

        return types;
    }

    protected override void OnRead(Span<byte> bytes) => _received.AddRange(bytes);
}
