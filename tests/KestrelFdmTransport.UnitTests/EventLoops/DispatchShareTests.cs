using System;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Connections;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

/// <summary>How much of one kind a loop does before it goes on with others.</summary>
[Collection(NonParallel.Name)]
public sealed class DispatchShareTests : IDisposable
{
    private readonly LoopFixture _loops = new();

    public void Dispose()
    {
        SyscallFaultInjection.Handler = null;
        _loops.Dispose();
    }

    [Fact]
    public void A_ready_source_does_not_wait_for_all_commands()
    {
        const int Mailed = 5_000;

        using var pair = new SocketPair();
        using var served = new ManualResetEventSlim();
        int read = 0;
        int readBefore = -1;
        var ready = new ProbeSource
        {
            Loop = _loops.Loop,
            OnServe = events =>
            {
                if ((events & EpollFlags.In) != 0)
                {
                    readBefore = read;
                    served.Set();
                }
            },
        };
        _loops.Run(() => Assert.Equal(
            0,
            _loops.Loop.Register(ready, pair.Near.Value, EpollFlags.In | EpollFlags.EdgeTriggered)));
        using var entered = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        var first = new ProbeSource
        {
            Loop = _loops.Loop,
            OnCommanded = _ =>
            {
                entered.Set();
                release.Within("the mail to be posted");
            },
        };
        first.Post(LoopCommand.Resume);

        // The loop would take commands that are posted before this with the first one, and the others later.
        entered.Within("the loop to be held");
        for (int i = 0; i < Mailed; i++)
        {
            new ProbeSource
            {
                Loop = _loops.Loop,
                OnCommanded = _ =>
                {
                    // The loop has all of it in its hands by now.
                    if (read++ == 0)
                    {
                        Sys.Send(pair.Far.Value, [1]);
                    }
                },
            }.Post(LoopCommand.Resume);
        }

        release.Set();

        served.Within("the ready source");
        Assert.InRange(readBefore, 1, 1_000);
        Eventually.Until(() => Volatile.Read(ref read) == Mailed, "the rest of the mail");
        _loops.Run(() => _loops.Loop.Deregister(ready));
    }

    [Fact]
    public async Task A_peer_that_sends_byte_by_byte_does_not_keep_the_loop()
    {
        const int Bytes = 5_000;
        const int Start = 100;

        using var greedy = new TestConnection(_loops.Loop, new RingPool());
        using var other = new TestConnection(_loops.Loop, new RingPool());
        greedy.Start();
        other.Start();
        _loops.Settle();
        int greedyCalls = 0;
        int callsUntilOther = -1;
        SyscallFaultInjection.Handler = (call, descriptor) =>
        {
            if (call != Syscall.Receive)
            {
                return 0;
            }

            if (descriptor == greedy.Descriptor)
            {
                // Before each receive there is one byte, and on a Unix socket a short read does not end the serve.
                greedyCalls++;
                if (greedyCalls < Bytes)
                {
                    Sys.Send(greedy.Peer.Value, [1]);
                }

                if (greedyCalls == Start)
                {
                    Sys.Send(other.Peer.Value, [1]);
                }
            }
            else if (descriptor == other.Descriptor && callsUntilOther < 0)
            {
                callsUntilOther = greedyCalls - Start;
            }

            return 0;
        };
        Assert.Equal(1, Sys.Send(greedy.Peer.Value, [1]));

        Assert.Equal(1, (await other.Reader.ReadAsync().AsTask().Within("the other's byte")).Buffer.Length);
        SyscallFaultInjection.Handler = null;
        Assert.InRange(callsUntilOther, 0, 500);
        foreach (TestConnection connection in new[] { greedy, other })
        {
            connection.Connection.Abort(new ConnectionAbortedException());
            await connection.EndAsync();
        }
    }
}
