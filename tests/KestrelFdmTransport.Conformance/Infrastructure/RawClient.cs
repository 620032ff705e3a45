using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>A client that decides about every byte, FIN and RST itself.</summary>
internal sealed class RawClient : IDisposable
{
    private const int ChunkSize = 64 * 1024;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    private RawClient(Socket socket)
    {
        _socket = socket;
    }

    public EndPoint LocalEndPoint => _socket.LocalEndPoint!;

    public EndPoint RemoteEndPoint => _socket.RemoteEndPoint!;

    public static string Get(string path) => $"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n";

    public static async Task<RawClient> ConnectAsync(EndPoint endPoint, int? receiveBufferSize = null)
    {
        Socket socket = endPoint is IPEndPoint
            ? new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (receiveBufferSize is int size)
            {
                socket.ReceiveBufferSize = size;
            }

            await socket.ConnectAsync(endPoint).Within($"a connection to {endPoint}");
            return new RawClient(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public Task SendAsync(string text) => SendAsync(Encoding.ASCII.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await _socket.SendAsync(bytes).Within("room to send")..];
        }
    }

    public void Send(string text) => _socket.Send(Encoding.ASCII.GetBytes(text));

    /// <summary>MSG_OOB.</summary>
    public void SendUrgent(byte value) => _socket.Send([value], SocketFlags.OutOfBand);

    /// <summary>
    /// Sends the first <paramref name="length"/> bytes of the pattern; waits for room without a limit.
    /// </summary>
    public async Task SendPatternAsync(long length)
    {
        byte[] chunk = new byte[ChunkSize];
        for (long offset = 0; offset < length; offset += chunk.Length)
        {
            Memory<byte> part = chunk.AsMemory(0, (int)Math.Min(chunk.Length, length - offset));
            BytePattern.Default.Fill(part.Span, offset);
            while (!part.IsEmpty)
            {
                part = part[await _socket.SendAsync(part)..];
            }
        }
    }

    public void HalfClose() => _socket.Shutdown(SocketShutdown.Send);

    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Returns 0 at FIN, throws at a reset.</summary>
    public async Task<int> ReadAsync(Memory<byte> destination)
    {
        if (_start == _end)
        {
            return await _socket.ReceiveAsync(destination).Within("bytes, FIN or RST from the server");
        }

        int count = Math.Min(destination.Length, _end - _start);
        _buffer.AsMemory(_start, count).CopyTo(destination);
        _start += count;
        return count;
    }

    /// <summary>Waits for the next byte, which stays unread, or FIN.</summary>
    public async Task<bool> IsAtEndAsync()
    {
        if (_start == _end)
        {
            _end = await _socket.ReceiveAsync(_buffer.AsMemory()).Within("bytes, FIN or RST from the server");
            _start = 0;
        }

        return _start == _end;
    }

    public async Task<byte[]> ReadExactlyAsync(int count)
    {
        byte[] bytes = new byte[count];
        for (int read = 0; read < count;)
        {
            int n = await ReadAsync(bytes.AsMemory(read));
            read += n != 0 ? n : throw new EndOfStreamException($"FIN after {read} of {count} bytes.");
        }

        return bytes;
    }

    public async Task<string> ReadTextAsync(int count) => Encoding.ASCII.GetString(await ReadExactlyAsync(count));

    /// <summary>All bytes until FIN; a reset throws.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        using var bytes = new MemoryStream();
        byte[] chunk = new byte[ChunkSize];
        int count;
        while ((count = await ReadAsync(chunk)) != 0)
        {
            bytes.Write(chunk, 0, count);
        }

        return bytes.ToArray();
    }

    public async Task AssertFinAsync() => Assert.Empty(await ReadToEndAsync());

    /// <summary>Reads away what comes before the reset; FIN fails the test.</summary>
    public async Task AssertResetAsync()
    {
        SocketException reset = await Assert.ThrowsAsync<SocketException>(ReadToEndAsync);
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    /// <summary>The SHA-256 of the next <paramref name="length"/> bytes.</summary>
    public async Task<string> ReadHashAsync(long length)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] chunk = new byte[ChunkSize];
        while (length > 0)
        {
            int count = await ReadAsync(chunk.AsMemory(0, (int)Math.Min(chunk.Length, length)));
            Assert.NotEqual(0, count);
            hash.AppendData(chunk, 0, count);
            length -= count;
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    public async Task<HttpReply> GetAsync(string path)
    {
        await SendAsync(Get(path));
        return await ReadReplyAsync();
    }

    /// <summary>Reads one response and not a byte of the next.</summary>
    public async Task<HttpReply> ReadReplyAsync()
    {
        (int status, Dictionary<string, string> headers) = await ReadHeadAsync();
        if (status < 200)
        {
            return new HttpReply(status, headers, []);
        }

        if (headers.TryGetValue("Content-Length", out string? length))
        {
            return new HttpReply(
                status, headers, await ReadExactlyAsync(int.Parse(length, CultureInfo.InvariantCulture)));
        }

        return headers.ContainsKey("Transfer-Encoding")
            ? new HttpReply(status, headers, await ReadChunksAsync())
            : new HttpReply(status, headers, await ReadToEndAsync());
    }

    /// <summary>Reads a status line and headers and leaves the body on the connection.</summary>
    public async Task<(int Status, Dictionary<string, string> Headers)> ReadHeadAsync()
    {
        string statusLine = await ReadLineAsync();
        Assert.StartsWith("HTTP/1.1 ", statusLine, StringComparison.Ordinal);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        string line;
        while ((line = await ReadLineAsync()).Length != 0)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            headers.Add(line[..colon], line[(colon + 1)..].Trim());
        }

        return (int.Parse(statusLine.AsSpan(9, 3), CultureInfo.InvariantCulture), headers);
    }

    /// <summary>Reads one chunk of a chunked body; empty is the last.</summary>
    public async Task<byte[]> ReadChunkAsync()
    {
        int size = int.Parse(await ReadLineAsync(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        byte[] chunk = await ReadExactlyAsync(size);
        Assert.Empty(await ReadLineAsync());
        return chunk;
    }

    private async Task<byte[]> ReadChunksAsync()
    {
        using var body = new MemoryStream();
        byte[] chunk;
        while ((chunk = await ReadChunkAsync()).Length != 0)
        {
            body.Write(chunk);
        }

        return body.ToArray();
    }

    private async Task<string> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (await IsAtEndAsync())
            {
                throw new EndOfStreamException($"FIN within a line after '{line}'.");
            }

            char next = (char)_buffer[_start++];
            if (next == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append(next);
        }
    }
}
