using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Conformance.Protocols.Http2;

/// <summary>A client that sends and sees frames, with no intelligence between.</summary>
internal sealed class Http2RawClient : IDisposable
{
    private const int HeaderLength = 9;
    private const int DefaultMaxFrameSize = 16 * 1024;
    private const int SettingLength = 6;
    private const ushort InitialWindowSizeId = 4;

    private static readonly byte[] s_preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    private Http2RawClient(RawClient connection)
    {
        Connection = connection;
    }

    public RawClient Connection { get; }

    /// <summary>Connects and exchanges the settings.</summary>
    /// <param name="endPoint">The server.</param>
    /// <param name="receiveBufferSize">The socket's buffer, in bytes.</param>
    /// <param name="streamWindow">The window of every stream from its beginning, in bytes.</param>
    public static async Task<Http2RawClient> ConnectAsync(
        EndPoint endPoint, int? receiveBufferSize = null, int? streamWindow = null)
    {
        var client = new Http2RawClient(await RawClient.ConnectAsync(endPoint, receiveBufferSize));
        try
        {
            await client.Connection.SendAsync(s_preface);
            await client.SendAsync(Http2FrameType.Settings, 0, 0, InitialWindowSize(streamWindow));
            await client.ReadUntilAsync(frame => frame is { Type: Http2FrameType.Settings, Flags: Http2Frame.Ack });
            await client.SendAsync(Http2FrameType.Settings, Http2Frame.Ack, 0, default);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public async Task SendAsync(Http2FrameType type, byte flags, int streamId, ReadOnlyMemory<byte> payload)
    {
        byte[] frame = new byte[HeaderLength + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = (byte)type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), streamId);
        payload.Span.CopyTo(frame.AsSpan(HeaderLength));
        await Connection.SendAsync(frame);
    }

    /// <summary>Opens a stream by a request whose body is still to come, or has none.</summary>
    public Task SendRequestAsync(int streamId, string path, bool hasBody = false)
    {
        byte method = hasBody ? (byte)0x83 : (byte)0x82;
        byte[] block =
        [
            method, // :method POST or GET, of the static table
            0x86, // :scheme http, of the static table
            0x04, (byte)path.Length, .. Encoding.ASCII.GetBytes(path), // :path, literal and not indexed
            0x01, 4, .. "test"u8, // :authority, likewise
        ];
        byte flags = hasBody ? Http2Frame.EndHeaders : (byte)(Http2Frame.EndHeaders | Http2Frame.EndStream);
        return SendAsync(Http2FrameType.Headers, flags, streamId, block);
    }

    public async Task SendDataAsync(int streamId, ReadOnlyMemory<byte> data, bool isLast)
    {
        do
        {
            int length = Math.Min(data.Length, DefaultMaxFrameSize);
            bool ends = isLast && length == data.Length;
            await SendAsync(Http2FrameType.Data, ends ? Http2Frame.EndStream : (byte)0, streamId, data[..length]);
            data = data[length..];
        }
        while (!data.IsEmpty);
    }

    public Task SendWindowUpdateAsync(int streamId, int increment)
        => SendWordAsync(Http2FrameType.WindowUpdate, streamId, increment);

    public Task SendResetAsync(int streamId, int error) => SendWordAsync(Http2FrameType.RstStream, streamId, error);

    /// <summary>The next frame; null at FIN between frames.</summary>
    public async Task<Http2Frame?> ReadAsync()
    {
        if (await Connection.IsAtEndAsync())
        {
            return null;
        }

        byte[] head = await Connection.ReadExactlyAsync(HeaderLength);
        int length = (int)(BinaryPrimitives.ReadUInt32BigEndian(head) >> 8);
        int streamId = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5));
        return new Http2Frame((Http2FrameType)head[3], head[4], streamId, await Connection.ReadExactlyAsync(length));
    }

    /// <summary>All frames up to the wanted one, which is the last.</summary>
    public async Task<IReadOnlyList<Http2Frame>> ReadUntilAsync(Func<Http2Frame, bool> wanted)
    {
        var frames = new List<Http2Frame>();
        while (await ReadAsync() is { } frame)
        {
            frames.Add(frame);
            if (wanted(frame))
            {
                return frames;
            }
        }

        throw new EndOfStreamException($"FIN after {string.Join(", ", frames)}");
    }

    /// <summary>All frames until FIN.</summary>
    public async Task<IReadOnlyList<Http2Frame>> ReadToEndAsync()
    {
        var frames = new List<Http2Frame>();
        while (await ReadAsync() is { } frame)
        {
            frames.Add(frame);
        }

        return frames;
    }

    public void Dispose() => Connection.Dispose();

    /// <summary>The setting of this name, if there is a value for it.</summary>
    private static byte[] InitialWindowSize(int? value)
    {
        if (value is null)
        {
            return [];
        }

        byte[] setting = new byte[SettingLength];
        BinaryPrimitives.WriteUInt16BigEndian(setting, InitialWindowSizeId);
        BinaryPrimitives.WriteInt32BigEndian(setting.AsSpan(sizeof(ushort)), value.Value);
        return setting;
    }

    private async Task SendWordAsync(Http2FrameType type, int streamId, int value)
    {
        byte[] payload = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(payload, value);
        await SendAsync(type, 0, streamId, payload);
    }
}
