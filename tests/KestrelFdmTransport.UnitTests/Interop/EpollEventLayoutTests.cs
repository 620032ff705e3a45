using System.Collections.Generic;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

public sealed class EpollEventLayoutTests
{
    [Fact]
    public void The_structure_is_packed_on_x64()
        => Assert.Equal(new EpollEventLayout(12, 4), EpollEventLayout.For(Architecture.X64));

    [Theory]
    [InlineData(Architecture.Arm64)]
    [InlineData(Architecture.Arm)]
    [InlineData(Architecture.S390x)]
    [InlineData(Architecture.LoongArch64)]
    [InlineData(Architecture.RiscV64)]
    [InlineData(Architecture.Ppc64le)]
    public void The_payload_is_aligned_everywhere_else(Architecture architecture)
        => Assert.Equal(new EpollEventLayout(16, 8), EpollEventLayout.For(architecture));

    [Fact]
    public void The_layout_in_use_is_that_of_the_process()
        => Assert.Equal(EpollEventLayout.For(RuntimeInformation.ProcessArchitecture), EpollEventLayout.Current);

    [Fact]
    public void The_kernel_returns_every_payload_with_its_events()
    {
        using var epoll = new SafeFileDescriptor(Sys.EpollCreate());
        var buffer = new EpollEventBuffer(16);
        using var first = new SocketPair();
        using var second = new SocketPair();
        using var third = new SocketPair();
        var payloads = new Dictionary<ulong, SocketPair>
        {
            [0x0123_4567_89AB_CDEF] = first,
            [0xFEDC_BA98_7654_3210] = second,
            [0x8000_0000_0000_0001] = third,
        };
        foreach ((ulong payload, SocketPair pair) in payloads)
        {
            Assert.Equal(0, Sys.EpollAdd(epoll.Value, pair.Near.Value, EpollFlags.Connection, payload));
        }

        Assert.Equal(3, Sys.EpollWait(epoll.Value, buffer, 0));
        Assert.All(EventsOf(buffer, 3), entry => Assert.Equal(EpollFlags.Out, entry.Value));
        Assert.Equal(0, Sys.EpollWait(epoll.Value, buffer, 0));

        foreach (SocketPair pair in payloads.Values)
        {
            Assert.Equal(1, Sys.Send(pair.Far.Value, [42]));
        }

        Assert.Equal(3, Sys.EpollWait(epoll.Value, buffer, 0));
        Dictionary<ulong, uint> events = EventsOf(buffer, 3);
        Assert.Equal(payloads.Keys, events.Keys);
        Assert.All(events.Values, bits => Assert.Equal(EpollFlags.In | EpollFlags.Out, bits));
    }

    [Fact]
    public void A_descriptor_that_was_deleted_is_silent()
    {
        using var epoll = new SafeFileDescriptor(Sys.EpollCreate());
        var buffer = new EpollEventBuffer(1);
        using var pair = new SocketPair();
        Assert.Equal(0, Sys.EpollAdd(epoll.Value, pair.Near.Value, EpollFlags.Connection, 1));

        Assert.Equal(0, Sys.EpollDelete(epoll.Value, pair.Near.Value));

        Assert.Equal(0, Sys.EpollWait(epoll.Value, buffer, 0));
    }

    private static Dictionary<ulong, uint> EventsOf(EpollEventBuffer buffer, int count)
    {
        var events = new Dictionary<ulong, uint>();
        for (int i = 0; i < count; i++)
        {
            events.Add(buffer.Payload(i), buffer.Events(i));
        }

        return events;
    }
}
