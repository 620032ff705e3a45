using System;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.Scheduling;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

[Collection(NonParallel.Name)]
public sealed class AcceptQueueTests
{
    private static readonly ConnectionSettings s_settings = new()
    {
        Endpoint = new EndpointProfile(ApplicationScheduling.ThreadPool),
        FinOnError = false,
        ReadPauseThreshold = 0,
        WritePauseThreshold = 0,
        Logger = Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance,
    };

    private readonly FdmConnection _first = NewConnection();
    private readonly FdmConnection _second = NewConnection();
    private int _roomCalls;

    [Fact]
    public async Task Connections_are_taken_in_the_order_in_which_they_came()
    {
        AcceptQueue queue = New(limit: 2);
        Assert.True(queue.TryReserve());
        Assert.True(queue.TryEnqueue(_first));
        Assert.True(queue.TryReserve());
        Assert.True(queue.TryEnqueue(_second));

        Assert.Same(_first, await queue.DequeueAsync(default));
        Assert.True(queue.TryDequeue(out FdmConnection? next));
        Assert.Same(_second, next);
        Assert.False(queue.TryDequeue(out _));
    }

    [Fact]
    public async Task A_waiting_accept_gets_the_next_connection()
    {
        AcceptQueue queue = New(limit: 2);
        ValueTask<FdmConnection?> waiting = queue.DequeueAsync(default);
        Assert.False(waiting.IsCompleted);

        queue.TryReserve();
        queue.TryEnqueue(_first);

        Assert.Same(_first, await waiting.AsTask().Within("the connection"));
    }

    [Fact]
    public async Task A_completed_queue_delivers_what_it_has_and_then_nothing()
    {
        AcceptQueue queue = New(limit: 2);
        queue.TryReserve();
        queue.TryEnqueue(_first);

        queue.Complete();

        Assert.False(queue.TryEnqueue(_second));
        Assert.Same(_first, await queue.DequeueAsync(default));
        Assert.Null(await queue.DequeueAsync(default));
        Assert.Null(await queue.DequeueAsync(default));
    }

    [Fact]
    public async Task A_queue_that_was_completed_with_an_error_delivers_what_it_has_and_then_the_error()
    {
        AcceptQueue queue = New(limit: 2);
        queue.TryReserve();
        queue.TryEnqueue(_first);
        var error = new InvalidOperationException();

        queue.Complete(error);

        Assert.Same(_first, await queue.DequeueAsync(default));
        Assert.Same(
            error,
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await queue.DequeueAsync(default)));
    }

    [Fact]
    public async Task Waiting_may_be_cancelled()
    {
        AcceptQueue queue = New(limit: 1);
        using var source = new CancellationTokenSource();
        ValueTask<FdmConnection?> waiting = queue.DequeueAsync(source.Token);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await queue.DequeueAsync(source.Token));
    }

    [Fact]
    public void A_full_queue_reserves_nothing_and_says_when_it_is_half_empty()
    {
        AcceptQueue queue = New(limit: 4);
        for (int i = 0; i < 4; i++)
        {
            Assert.True(queue.TryReserve());
            queue.TryEnqueue(_first);
        }

        Assert.False(queue.TryReserve());
        Assert.False(queue.TryReserve());
        queue.TryDequeue(out _);
        Assert.Equal(0, _roomCalls);
        queue.TryDequeue(out _);
        Assert.Equal(1, _roomCalls);
        queue.TryDequeue(out _);
        Assert.Equal(1, _roomCalls);
        Assert.True(queue.TryReserve());
    }

    [Fact]
    public void A_cancelled_reservation_makes_room_too()
    {
        AcceptQueue queue = New(limit: 1);
        Assert.True(queue.TryReserve());
        Assert.False(queue.TryReserve());

        queue.CancelReservation();

        Assert.Equal(1, _roomCalls);
        Assert.True(queue.TryReserve());
    }

    /// <summary>Otherwise the endpoint would never accept again.</summary>
    [Theory]
    [InlineData(1, 1, 50_000)]
    [InlineData(2, 1, 20_000)]
    [InlineData(2, 2, 3_000)]
    public void A_producer_refused_while_the_queue_drains_learns_of_the_space(int limit, int refused, int rounds)
    {
        AcceptQueue queue = New(limit);
        int waiting = 0;
        TestThreads.Run(refused + 1, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 0; round < rounds; round++)
            {
                if (number == 0)
                {
                    _roomCalls = 0;
                    waiting = 0;
                    for (int i = 0; i < limit; i++)
                    {
                        Assert.True(queue.TryReserve());
                        queue.TryEnqueue(_first);
                    }
                }

                meeting.Meet();
                Thread.SpinWait(random.Next(10));
                bool reserved = false;
                if (number == 0)
                {
                    while (queue.TryDequeue(out _))
                    {
                    }
                }
                else
                {
                    reserved = queue.TryReserve();
                    Interlocked.Add(ref waiting, reserved ? 0 : 1);
                }

                meeting.Meet();
                Assert.True(
                    waiting == 0 || reserved || Volatile.Read(ref _roomCalls) > 0,
                    $"Nobody was told of the room in round {round}.");
                if (reserved)
                {
                    queue.CancelReservation();
                }

                meeting.Meet();
            }
        });
    }

    private static FdmConnection NewConnection()
        => new(new ConnectionIo(-1, isUnix: false, null!, s_settings), new(default), default);

    private AcceptQueue New(int limit) => new(limit, () => Interlocked.Increment(ref _roomCalls));
}
