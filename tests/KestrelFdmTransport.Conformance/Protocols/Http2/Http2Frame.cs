using System;
using System.Buffers.Binary;

namespace KestrelFdmTransport.Conformance.Protocols.Http2;

internal sealed record Http2Frame(Http2FrameType Type, byte Flags, int StreamId, byte[] Payload)
{
    public const byte EndStream = 1;
    public const byte Ack = 1;
    public const byte EndHeaders = 4;

    public bool EndsStream => Type is Http2FrameType.Data or Http2FrameType.Headers && (Flags & EndStream) != 0;

    /// <summary>What a transcript needs; the header block is the compression's business.</summary>
    public override string ToString() => Type switch
    {
        Http2FrameType.Data => $"DATA {StreamId} of {Payload.Length} flags {Flags}",
        Http2FrameType.RstStream => $"RST_STREAM {StreamId} error {BinaryPrimitives.ReadUInt32BigEndian(Payload)}",
        Http2FrameType.GoAway => $"GOAWAY last {BinaryPrimitives.ReadUInt32BigEndian(Payload)}"
            + $" error {BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(4))}",
        Http2FrameType.WindowUpdate => $"WINDOW_UPDATE {StreamId} by {BinaryPrimitives.ReadUInt32BigEndian(Payload)}",
        _ => $"{Type} {StreamId} flags {Flags}",
    };
}
