using System;
using System.Buffers.Text;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>Finds the ends of HTTP/1.1 responses with a Content-Length in what a connection receives.</summary>
internal sealed class ResponseReader
{
    private const int LongestHeader = 2048;

    /// <summary>The beginning of a header whose end has not come yet.</summary>
    private byte[]? _kept;
    private int _keptLength;
    private long _bodyLeft;

    /// <summary>Skips what belongs to one response; true if it is complete.</summary>
    internal bool TryReadOne(ref ReadOnlySpan<byte> data)
    {
        if (_bodyLeft == 0 && !TryReadHeader(ref data))
        {
            return false;
        }

        int skip = (int)Math.Min(_bodyLeft, data.Length);
        data = data[skip..];
        _bodyLeft -= skip;
        return _bodyLeft == 0;
    }

    private bool TryReadHeader(ref ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> all = data;
        if (_keptLength > 0)
        {
            int count = Math.Min(data.Length, LongestHeader - _keptLength);
            data[..count].CopyTo(_kept.AsSpan(_keptLength));
            all = _kept.AsSpan(0, _keptLength + count);
        }

        int end = all.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            Keep(all);
            data = [];
            return false;
        }

        ReadOnlySpan<byte> header = all[..(end + 2)];
        if (!header.StartsWith("HTTP/1.1 2"u8))
        {
            throw new ServerException(
                $"The answer is '{System.Text.Encoding.ASCII.GetString(header[..header.IndexOf((byte)'\r')])}'.");
        }

        int length = header.IndexOf("Content-Length: "u8);
        if (length < 0 || !Utf8Parser.TryParse(header[(length + 16)..], out _bodyLeft, out _))
        {
            throw new ServerException("The answer has no Content-Length.");
        }

        data = data[(end + 4 - _keptLength)..];
        _keptLength = 0;
        return true;
    }

    private void Keep(ReadOnlySpan<byte> header)
    {
        if (header.Length >= LongestHeader)
        {
            throw new ServerException("The answer has no end of its header.");
        }

        if (header.IsEmpty)
        {
            return;
        }

        _kept ??= new byte[LongestHeader];
        header.CopyTo(_kept);
        _keptLength = header.Length;
    }
}
