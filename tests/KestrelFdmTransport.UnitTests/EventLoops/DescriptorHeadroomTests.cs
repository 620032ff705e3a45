using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

[Collection(NonParallel.Name)]
public sealed partial class DescriptorHeadroomTests
{
    private const int ResourceDescriptors = 7;

    [Theory]
    [InlineData(1, 16)]
    [InlineData(8, 16)]
    [InlineData(9, 18)]
    [InlineData(128, 256)]
    public void Two_descriptors_for_each_loop_are_kept_back_and_sixteen_at_least(int loops, int reserved)
    {
        var headroom = new DescriptorHeadroom(loops);
        Assert.Equal(reserved, headroom.Reserved);
        Assert.True(headroom.IsAmple((int)(Sys.DescriptorLimit() - reserved - 1)));
        Assert.False(headroom.IsAmple((int)(Sys.DescriptorLimit() - reserved)));
    }

    [Fact]
    public async Task Attempts_to_connect_leave_the_last_descriptors_to_the_rest_of_the_process()
    {
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        peer.Listen();
        int most = Highest() + 60;
        using Restored limit = Limit(most);
        await using var factory = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);
        await using var connections = new FdmConnectionFactory(factory);
        List<ConnectionContext> open = [await connections.ConnectAsync(peer.LocalEndPoint!)];
        SocketException failure = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            for (int i = 0; i < most; i++)
            {
                open.Add(await connections.ConnectAsync(peer.LocalEndPoint!).AsTask().Within("a connection"));
            }
        });
        Assert.Equal(SocketError.TooManyOpenSockets, failure.SocketErrorCode);

        // Sixteen are left, if nothing else has taken any.
        var last = new List<int>();
        for (int i = 0; i < 10; i++)
        {
            last.Add(Sys.CreateEventFd());
        }

        last.ForEach(static descriptor => Sys.Close(descriptor));
        Assert.DoesNotContain(last, static descriptor => descriptor < 0);
        foreach (ConnectionContext connection in open)
        {
            connection.Abort();
            await connection.DisposeAsync().AsTask().Within("the end of a connection");
        }
    }

    private static int Highest()
    {
        int highest = 0;
        foreach (string entry in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            highest = Math.Max(
                highest,
                int.Parse(Path.GetFileName(entry), System.Globalization.CultureInfo.InvariantCulture));
        }

        return highest;
    }

    private static Restored Limit(int descriptors)
    {
        nuint[] before = new nuint[2];
        Assert.Equal(0, GetRLimit(ResourceDescriptors, before));
        Assert.Equal(0, SetRLimit(ResourceDescriptors, [(nuint)descriptors, before[1]]));
        return new Restored(before);
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetRLimit(int resource, [Out] nuint[] limits);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetRLimit(int resource, nuint[] limits);

    private sealed class Restored(nuint[] before) : IDisposable
    {
        public void Dispose() => Assert.Equal(0, SetRLimit(ResourceDescriptors, before));
    }
}
