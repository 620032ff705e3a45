using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Interop;

[Collection(NonParallel.Name)]
public sealed class SafeFileDescriptorTests
{
    [Fact]
    public void Disposing_closes_the_descriptor()
    {
        using var pair = new SocketPair();

        pair.Near.Dispose();

        AssertPeerSeesEnd(pair);
    }

    [Fact]
    public void It_stays_open_while_in_use()
    {
        using var pair = new SocketPair();
        Assert.True(pair.Near.TryAcquire());
        Assert.True(pair.Near.TryAcquire());

        pair.Near.Dispose();
        pair.Near.Release();

        Assert.Equal(1, Sys.Send(pair.Near.Value, [1]));
        Assert.Equal(1, Sys.Receive(pair.Far.Value, new byte[1]));
        pair.Near.Release();
        AssertPeerSeesEnd(pair);
    }

    [Fact]
    public void It_cannot_be_used_after_it_was_closed()
    {
        using var pair = new SocketPair();
        Assert.True(pair.Near.TryAcquire());
        pair.Near.Dispose();
        pair.Near.Release();

        Assert.False(pair.Near.TryAcquire());
    }

    [Fact]
    public void Users_and_the_closer_may_come_at_the_same_time()
    {
        for (int round = 0; round < 200; round++)
        {
            using var pair = new SocketPair();
            TestThreads.Run(3, (number, meeting) =>
            {
                meeting.Meet();
                if (number == 0)
                {
                    pair.Near.Dispose();
                    return;
                }

                // Two users who relieve each other could keep the descriptor open for ever.
                for (int i = 0; i < 1_000 && pair.Near.TryAcquire(); i++)
                {
                    Assert.Equal(0, Sys.BytesAvailable(pair.Near.Value));
                    pair.Near.Release();
                }
            });
            AssertPeerSeesEnd(pair);
        }
    }

    private static void AssertPeerSeesEnd(SocketPair pair) => Assert.Equal(0, Sys.Receive(pair.Far.Value, new byte[1]));
}
