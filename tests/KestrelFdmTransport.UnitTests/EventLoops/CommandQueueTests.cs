using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

[Collection(NonParallel.Name)]
public sealed class CommandQueueTests
{
    private readonly CommandQueue<IoSource> _mailbox = new();

    [Fact]
    public void It_is_empty_until_something_comes()
    {
        Assert.True(_mailbox.IsEmpty);
        Assert.Empty(Taken());

        _mailbox.Push(new ProbeSource());

        Assert.False(_mailbox.IsEmpty);
        Assert.Single(Taken());
        Assert.True(_mailbox.IsEmpty);
    }

    [Fact]
    public void What_came_first_is_taken_first()
    {
        var sources = new ProbeSource[5];
        for (int i = 0; i < sources.Length; i++)
        {
            sources[i] = new ProbeSource();
            _mailbox.Push(sources[i]);
        }

        Assert.Equal(sources, Taken());
    }

    /// <summary>
    /// Sources come back as soon as they were taken, as in a loop, so that a node's address says nothing (ABA).
    /// </summary>
    [Fact]
    public void With_many_producers_nothing_is_lost_and_nothing_comes_twice()
    {
        const int Producers = 4;
        const int SourcesEach = 8;
        const int PostsEach = 150_000;

        var queued = new Dictionary<IoSource, StrongBox>();
        var sources = new ProbeSource[Producers * SourcesEach];
        for (int i = 0; i < sources.Length; i++)
        {
            sources[i] = new ProbeSource();
            queued.Add(sources[i], new StrongBox());
        }

        long pushed = 0;
        long taken = 0;
        int running = Producers;
        TestThreads.Run(Producers + 1, number =>
        {
            if (number == Producers)
            {
                while (Volatile.Read(ref running) > 0 || !_mailbox.IsEmpty)
                {
                    foreach (IoSource source in Taken())
                    {
                        Assert.Equal(1, Interlocked.Exchange(ref queued[source].Value, 0));
                        taken++;
                    }
                }

                return;
            }

            int mine = 0;
            for (int i = 0; i < PostsEach; i++)
            {
                // As in IoSource.Post: the thread that finds the source not queued pushes it. Threads post to each
                // other's sources too.
                ProbeSource source = sources[((number * SourcesEach) + (i % (SourcesEach + 3))) % sources.Length];
                if (Interlocked.Exchange(ref queued[source].Value, 1) == 0)
                {
                    _mailbox.Push(source);
                    mine++;
                }
            }

            Interlocked.Add(ref pushed, mine);
            Interlocked.Decrement(ref running);
        });

        Assert.Equal(pushed, taken);
        Assert.All(queued.Values, box => Assert.Equal(0, box.Value));
    }

    private List<IoSource> Taken()
    {
        var sources = new List<IoSource>();
        _mailbox.Take();
        while (_mailbox.TryDequeue(out IoSource? source))
        {
            sources.Add(source);
        }

        return sources;
    }

    private sealed class StrongBox
    {
        public int Value;
    }
}
