using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>The file of a Unix socket when its endpoint stops.</summary>
[Collection(NonParallel.Name)]
public sealed class UnixSocketFileEndTests : IAsyncDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"fdm-{Guid.NewGuid():N}.sock");
    private readonly FdmTransportFactory _factory =
        new(Options.Create(new FdmTransportOptions { LoopCount = 1 }), NullLoggerFactory.Instance);

    public async ValueTask DisposeAsync()
    {
        await _factory.DisposeAsync();
        File.Delete(_path);
    }

    /// <summary>
    /// Between the close and the deletion another server could take the file for a stale one, and bind its own.
    /// </summary>
    [Fact]
    public async Task The_file_is_deleted_before_the_socket_is_closed()
    {
        IConnectionListener listener = await _factory.BindAsync(new UnixDomainSocketEndPoint(_path));
        var seen = new List<bool>();
        SyscallFaultInjection.Handler = (call, _) =>
        {
            if (call == Syscall.Close)
            {
                lock (seen)
                {
                    seen.Add(File.Exists(_path));
                }
            }

            return 0;
        };
        try
        {
            await listener.UnbindAsync();
        }
        finally
        {
            SyscallFaultInjection.Handler = null;
        }

        Assert.NotEmpty(seen);
        Assert.DoesNotContain(true, seen);
        await listener.DisposeAsync();
    }

    [Fact]
    public void Only_the_file_of_a_socket_is_taken_for_one()
    {
        string file = _path + ".file";
        File.WriteAllText(file, "no socket");
        using var one = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        one.Bind(new UnixDomainSocketEndPoint(_path));

        Assert.True(FileIdentity.TryGet(_path, out FileIdentity identity));
        Assert.True(FileIdentity.TryGet(_path, out FileIdentity again));
        Assert.Equal(identity, again);
        Assert.NotEqual(default, identity);
        Assert.False(FileIdentity.TryGet(file, out _));
        Assert.False(FileIdentity.TryGet(_path + ".none", out _));
        File.Delete(file);
    }

    [Fact]
    public void Two_descriptors_of_a_socket_are_the_same_and_those_of_others_are_not()
    {
        using var pair = new SocketPair();
        using var duplicate = new SafeFileDescriptor(Sys.Duplicate(pair.Near.Value));

        Assert.True(FileIdentity.TryGet(pair.Near.Value, out FileIdentity near));
        Assert.True(FileIdentity.TryGet(duplicate.Value, out FileIdentity same));
        Assert.True(FileIdentity.TryGet(pair.Far.Value, out FileIdentity far));
        Assert.Equal(near, same);
        Assert.NotEqual(near, far);
        Assert.False(FileIdentity.TryGet(-1, out _));
    }
}
