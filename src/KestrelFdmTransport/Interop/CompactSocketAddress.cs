using System;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// A socket address in the few bytes it needs, so that a connection holds no end-point objects until asked.
/// </summary>
internal readonly record struct CompactSocketAddress
{
    private static readonly UnixDomainSocketEndPoint s_unixFactory = new("/");

    private readonly byte[]? _path;
    private readonly ulong _high;
    private readonly ulong _low;
    private readonly uint _scope;
    private readonly ushort _port;
    private readonly byte _family;

    private CompactSocketAddress(byte family, ulong high, ulong low, ushort port, uint scope, byte[]? path)
    {
        _family = family;
        _high = high;
        _low = low;
        _port = port;
        _scope = scope;
        _path = path;
    }

    internal bool IsUnix => _family == Sys.AddressFamilyUnix;

    /// <summary>Reads a <c>struct sockaddr</c> as the kernel filled it.</summary>
    internal static CompactSocketAddress Parse(ReadOnlySpan<byte> address)
    {
        if (address.Length < sizeof(ushort))
        {
            return default;
        }

        ushort family = BitConverter.ToUInt16(address);
        switch (family)
        {
            case Sys.AddressFamilyInet when address.Length >= 8:
                return new(
                    Sys.AddressFamilyInet,
                    0,
                    BinaryPrimitives.ReadUInt32BigEndian(address[4..]),
                    BinaryPrimitives.ReadUInt16BigEndian(address[2..]),
                    0,
                    null);
            case Sys.AddressFamilyInet6 when address.Length >= 28:
                return new(
                    Sys.AddressFamilyInet6,
                    BinaryPrimitives.ReadUInt64BigEndian(address[8..]),
                    BinaryPrimitives.ReadUInt64BigEndian(address[16..]),
                    BinaryPrimitives.ReadUInt16BigEndian(address[2..]),
                    BitConverter.ToUInt32(address[24..]),
                    null);
            case Sys.AddressFamilyUnix:
                // Only a bound peer has a path, and clients hardly ever bind.
                return new(Sys.AddressFamilyUnix, 0, 0, 0, 0, address.Length > 2 ? address[2..].ToArray() : null);
            default:
                return default;
        }
    }

    /// <summary>The descriptor's own address; nothing if it has none.</summary>
    internal static unsafe CompactSocketAddress FromLocal(int descriptor)
    {
        byte* address = stackalloc byte[Sys.AddressCapacity];
        int length = Sys.AddressCapacity;
        return Sys.LocalAddress(descriptor, address, &length) == 0
            ? Parse(new ReadOnlySpan<byte>(address, Math.Min(length, Sys.AddressCapacity)))
            : default;
    }

    /// <summary>The address family at the head of a <c>struct sockaddr</c>.</summary>
    internal static int GetFamily(ReadOnlySpan<byte> address) => BitConverter.ToUInt16(address);

    /// <summary>
    /// A new end point, as <see cref="Socket"/> would report it; null if the family is none we serve.
    /// </summary>
    internal EndPoint? ToEndPoint()
    {
        switch (_family)
        {
            case Sys.AddressFamilyInet:
                Span<byte> four = stackalloc byte[4];
                BinaryPrimitives.WriteUInt32BigEndian(four, (uint)_low);
                return new IPEndPoint(new IPAddress(four), _port);
            case Sys.AddressFamilyInet6:
                Span<byte> sixteen = stackalloc byte[16];
                BinaryPrimitives.WriteUInt64BigEndian(sixteen, _high);
                BinaryPrimitives.WriteUInt64BigEndian(sixteen[8..], _low);
                return new IPEndPoint(new IPAddress(sixteen, _scope), _port);
            case Sys.AddressFamilyUnix:
                int length = _path?.Length ?? 0;
                var address = new SocketAddress(AddressFamily.Unix, 2 + length);
                for (int i = 0; i < length; i++)
                {
                    address[2 + i] = _path![i];
                }

                return s_unixFactory.Create(address);
            default:
                return null;
        }
    }
}
