using System;
using System.Collections.Generic;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

public sealed class ReadyQueueTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 4)]
    [InlineData(4, 64)]
    public void It_gives_what_an_ordinary_queue_gives(int seed, int capacity)
    {
        var random = new Random(seed);
        var queue = new ReadyQueue(capacity);
        var model = new Queue<(ulong Payload, long QueuedAt)>();

        // The tendency changes, so that the ring wraps at every place, grows while it is wrapped, and runs empty.
        int tendency = 50;
        for (int i = 0; i < 100_000; i++)
        {
            if (i % 1_000 == 0)
            {
                tendency = random.Next(20, 75);
            }

            if (random.Next(100) < tendency)
            {
                ulong token = ((ulong)random.Next() << 32) | (uint)random.Next();
                queue.Enqueue(token, i);
                model.Enqueue((token, i));
            }
            else if (model.Count > 0)
            {
                Assert.Equal(model.Peek().QueuedAt, queue.OldestQueuedAt);
                Assert.Equal(model.Dequeue().Payload, queue.Dequeue(i, out _));
            }

            Assert.Equal(model.Count, queue.Count);
        }

        while (model.TryDequeue(out (ulong Payload, long QueuedAt) expected))
        {
            Assert.Equal(expected.QueuedAt, queue.OldestQueuedAt);
            Assert.Equal(expected.Payload, queue.Dequeue(expected.QueuedAt, out _));
        }

        Assert.Equal(0, queue.Count);
    }
}
