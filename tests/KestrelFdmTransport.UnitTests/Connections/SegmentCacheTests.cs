using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Connections;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

public sealed class SegmentCacheTests
{
    [Fact]
    public void A_segment_that_was_kept_is_taken_again_without_a_link()
    {
        BufferSegment first = SegmentCache.Take();
        BufferSegment second = SegmentCache.Take();
        SegmentCache.Keep(first);
        SegmentCache.Keep(second);

        Assert.Same(second, SegmentCache.Take());
        Assert.Null(second.Following);
        Assert.Same(first, SegmentCache.Take());
        Assert.Null(first.Following);
    }

    [Fact]
    public void What_one_thread_gives_back_reaches_a_thread_that_only_takes()
    {
        const int Count = 10_000;
        var seen = new HashSet<BufferSegment>(ReferenceEqualityComparer.Instance);
        using var taken = new BlockingCollection<BufferSegment>(64);
        var giver = new Thread(() =>
        {
            foreach (BufferSegment segment in taken.GetConsumingEnumerable())
            {
                SegmentCache.Keep(segment);
            }
        });
        giver.Start();
        for (int i = 0; i < Count; i++)
        {
            BufferSegment segment = SegmentCache.Take();
            seen.Add(segment);
            taken.Add(segment);
        }

        taken.CompleteAdding();
        giver.Join();
        Assert.InRange(seen.Count, 1, Count / 2);
    }

    [Fact]
    public void No_segment_is_handed_out_twice_whoever_takes_and_gives_back()
    {
        const int Threads = 4;
        const int Rounds = 20_000;
        using var exchange = new BlockingCollection<BufferSegment>();
        int twice = 0;
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, worker =>
        {
            var random = new Random(worker);
            for (int i = 0; i < Rounds; i++)
            {
                if (random.Next(2) == 0 || !exchange.TryTake(out BufferSegment? segment))
                {
                    segment = SegmentCache.Take();
                    int before = segment.Start;
                    segment.Start = 1;
                    Interlocked.Add(ref twice, before);
                    exchange.Add(segment);
                    continue;
                }

                segment.Start = 0;
                SegmentCache.Keep(segment);
            }
        });

        Assert.Equal(0, twice);
    }
}
