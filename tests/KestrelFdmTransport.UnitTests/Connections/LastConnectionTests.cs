using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>Connections that come to a loop, or stay in one, as it ends.</summary>
[Collection(NonParallel.Name)]
public sealed class LastConnectionTests
{
    private const int Moves = 20_000;

    private readonly CheckingMemoryPoolFactory _pool = new();

    [Fact]
    public async Task The_last_connection_of_a_group_keeps_its_loops_while_it_migrates()
    {
        using var loops = new LoopFixture(loops: 2);
        using var connection = new TestConnection(loops.Loop, _pool.Create());
        connection.Start();
        Task<ReadResult> read = connection.Reader.ReadAsync().AsTask();
        loops.Group.RemoveUser();
        int moved = 0;
        TestThreads.Run(2, (number, meeting) =>
        {
            meeting.Meet();
            if (number == 0)
            {
                while (Volatile.Read(ref moved) is var round && round < Moves && meeting.HasTime(round))
                {
                    loops.Group.StopIfUnused();
                }

                return;
            }

            for (int i = 0; i < Moves; i++)
            {
                EventLoop home = loops.Loops[i % 2];
                LoopFixture.RunOn(
                    home, () => Assert.True(home.TryMigrateTo(connection.Io, loops.Loops[(i + 1) % 2])));
                Volatile.Write(ref moved, moved + 1);
            }
        });

        Assert.Equal(loops.Loops, loops.Group.Loops);
        connection.Peer.Dispose();
        Assert.True((await read.Within("the end of the input")).IsCompleted);
        await connection.EndAsync();
    }

    [Fact]
    public async Task A_connection_that_comes_to_an_ending_loop_ends_as_those_that_were_there()
    {
        using var loops = new LoopFixture(loops: 2);
        using var connection = new TestConnection(loops.Loop, _pool.Create());
        connection.Start();
        Task<ReadResult> read = connection.Reader.ReadAsync().AsTask();
        loops.Loops[1].RequestStop();
        Assert.True(loops.Loops[1].Join(Eventually.Limit));

        loops.Run(() => Assert.True(loops.Loop.TryMigrateTo(connection.Io, loops.Loops[1])));

        await Assert.ThrowsAsync<ConnectionAbortedException>(() => read.Within("the end of the input"));
        await connection.EndAsync();
    }
}
