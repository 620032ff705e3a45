using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>Endpoints of all kinds, valid ones and likely mistakes. Each follows from its seed.</summary>
internal sealed class RandomEndPoint : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fdm").FullName;
    private readonly Socket _other = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public RandomEndPoint()
    {
        _other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _other.Listen();
    }

    /// <summary>Null if the framework itself refuses to make such an endpoint.</summary>
    public EndPoint? Create(int seed)
    {
        var random = new Random(seed);
        try
        {
            return random.Next(12) switch
            {
                0 => new IPEndPoint(new IPAddress(random.NextInt64(1L << 32)), 0),
                1 => new IPEndPoint(IPAddress.Loopback, ((IPEndPoint)_other.LocalEndPoint!).Port),
                2 => new IPEndPoint(new IPAddress(RandomBytes(random, 16), random.Next(4)), 0),
                3 => new IPEndPoint(random.Next(2) == 0 ? IPAddress.IPv6Any : IPAddress.Any, 0),
                4 => new DnsEndPoint(RandomText(random, 10), random.Next(65_536)),
                5 => new NamedPipeEndPoint(RandomText(random, 10)),
                6 => new UnixDomainSocketEndPoint("\0" + RandomText(random, random.Next(110))),
                7 => new UnixDomainSocketEndPoint(_folder),
                8 => new UnixDomainSocketEndPoint(Path.Combine(_folder, "missing", "socket")),
                9 => new UnixDomainSocketEndPoint(FileOf(random)),
                _ => new UnixDomainSocketEndPoint($"{_folder}/p{RandomText(random, random.Next(110))}"),
            };
        }
        catch (Exception exception) when (exception is ArgumentException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _other.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A file that is there already: of another kind, or one that a dead process has left.</summary>
    private string FileOf(Random random)
    {
        string path = Path.Combine(_folder, $"file{random.Next(4)}");
        if (random.Next(2) == 0)
        {
            File.WriteAllText(path, "");
        }
        else
        {
            File.Delete(path);
            using var left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            left.Bind(new UnixDomainSocketEndPoint(path));
            File.Move(path, path + "x", overwrite: true);
            path += "x";
        }

        return path;
    }

    private static byte[] RandomBytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Letters, now and then what a path should not have in it.</summary>
    private static string RandomText(Random random, int length)
    {
        const string Odd = "/.~ \n%é漢'\"\\";
        return string.Create(length, random, static (text, random) =>
        {
            foreach (ref char character in text)
            {
                character = random.Next(20) == 0 ? Odd[random.Next(Odd.Length)] : (char)random.Next('a', 'z' + 1);
            }
        });
    }
}
