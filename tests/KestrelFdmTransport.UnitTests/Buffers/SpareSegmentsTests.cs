using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.Buffers;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Buffers;

[Collection(NonParallel.Name)]
public sealed class SpareSegmentsTests
{
    private SpareSegments _spares;

    [Fact]
    public void A_segment_that_was_kept_is_taken_again_without_a_link()
    {
        BufferSegment first = _spares.Rent();
        BufferSegment second = _spares.Rent();
        _spares.Return(first);
        _spares.Return(second);

        Assert.Same(second, _spares.Rent());
        Assert.Same(first, _spares.Rent());
        Assert.All(
            [first, second],
            segment => Assert.Equal((null, null, 0), (segment.NextSegment, segment.NextSpare, segment.End)));
    }

    [Fact]
    public void No_more_are_kept_than_a_large_response_has()
    {
        var given = new HashSet<BufferSegment>(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < 100; i++)
        {
            var segment = new BufferSegment();
            given.Add(segment);
            _spares.Return(segment);
        }

        int kept = 0;
        while (given.Contains(_spares.Rent()))
        {
            kept++;
        }

        Assert.Equal(32, kept);
    }

    [Fact]
    public void No_segment_is_rented_twice_by_concurrent_threads()
    {
        const int Threads = 3;
        const int Rounds = 50_000;
        using var taken = new BlockingCollection<BufferSegment>();
        int twice = 0;
        TestThreads.Run(Threads, number =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                if ((i + number) % 2 == 0 || !taken.TryTake(out BufferSegment? segment))
                {
                    segment = _spares.Rent();
                    int before = segment.Start;
                    segment.Start = 1;
                    Interlocked.Add(ref twice, before);
                    taken.Add(segment);
                    continue;
                }

                segment.Start = 0;
                _spares.Return(segment);
            }
        });

        Assert.Equal(0, twice);
    }
}
