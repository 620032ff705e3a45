using System;
using System.Collections.Generic;
using System.Linq;
using KestrelFdmTransport.EventLoops;
using Xunit;

namespace KestrelFdmTransport.UnitTests.EventLoops;

public sealed class SlotTableTests
{
    private readonly SlotTable<IoSource> _table = new();

    [Fact]
    public void A_payload_leads_to_its_source()
    {
        var first = new ProbeSource();
        var second = new ProbeSource();

        ulong firstPayload = _table.Add(first);
        ulong secondPayload = _table.Add(second);

        Assert.Same(first, _table.Find(firstPayload));
        Assert.Same(second, _table.Find(secondPayload));
        Assert.Equal(2, _table.Count);
    }

    [Fact]
    public void The_payload_of_a_removed_source_leads_nowhere()
    {
        ulong token = _table.Add(new ProbeSource());

        _table.Remove(token);

        Assert.Null(_table.Find(token));
        Assert.Equal(0, _table.Count);
    }

    [Fact]
    public void A_slot_is_used_again_and_the_old_payload_does_not_find_the_new_source()
    {
        ulong old = _table.Add(new ProbeSource());
        _table.Remove(old);
        var tenant = new ProbeSource();

        ulong token = _table.Add(tenant);

        Assert.Equal((uint)old, (uint)token);
        Assert.Equal((old >> 32) + 1, token >> 32);
        Assert.Null(_table.Find(old));
        Assert.Same(tenant, _table.Find(token));
    }

    [Fact]
    public void An_index_that_was_never_used_leads_nowhere()
    {
        _table.Add(new ProbeSource());

        Assert.Null(_table.Find(1));
        Assert.Null(_table.Find(10_000));
        Assert.Null(_table.Find(ulong.MaxValue));
    }

    [Fact]
    public void It_grows_and_keeps_what_it_has()
    {
        ProbeSource[] sources = [.. Enumerable.Range(0, 1_000).Select(_ => new ProbeSource())];
        ulong[] tokens = Array.ConvertAll(sources, source => _table.Add(source));

        Assert.Equal(sources, Array.ConvertAll(tokens, token => _table.Find(token)));
        Assert.Equal(Enumerable.Range(0, 1_000), Array.ConvertAll(tokens, token => (int)token));
        Assert.Equal(sources.Reverse(), All());
    }

    [Fact]
    public void Under_random_use_only_present_tokens_are_found()
    {
        var random = new Random(1);
        var present = new Dictionary<ulong, IoSource>();
        var former = new List<ulong>();
        for (int i = 0; i < 20_000; i++)
        {
            if (present.Count == 0 || random.Next(100) < 51)
            {
                var source = new ProbeSource();
                present.Add(_table.Add(source), source);
            }
            else
            {
                ulong token = present.Keys.ElementAt(random.Next(present.Count));
                Assert.Same(present[token], _table.Find(token));
                _table.Remove(token);
                present.Remove(token);
                former.Add(token);
            }
        }

        Assert.All(present, pair => Assert.Same(pair.Value, _table.Find(pair.Key)));
        Assert.All(former, token => Assert.Null(_table.Find(token)));
        Assert.Equal(present.Count, _table.Count);
        Assert.Equal(present.Values.ToHashSet(), All().ToHashSet());
    }

    private List<IoSource> All()
    {
        List<IoSource> sources = [];
        int end = int.MaxValue;
        while (_table.Below(ref end) is { } source)
        {
            sources.Add(source);
        }

        return sources;
    }
}
