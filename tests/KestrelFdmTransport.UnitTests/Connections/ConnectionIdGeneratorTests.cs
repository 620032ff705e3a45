using System;
using System.Collections.Generic;
using System.Linq;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

public sealed class ConnectionIdGeneratorTests
{
    [Fact]
    public void An_id_has_thirteen_characters_of_base_32()
    {
        for (int i = 0; i < 10_000; i++)
        {
            string id = ConnectionIdGenerator.Next();
            Assert.Equal(13, id.Length);
            Assert.All(id, character => Assert.True(character is (>= '0' and <= '9') or (>= 'A' and <= 'V')));
        }
    }

    [Fact]
    public void Ids_of_one_thread_ascend_in_ordinal_order()
    {
        string last = ConnectionIdGenerator.Next();
        for (int i = 0; i < 10_000; i++)
        {
            string next = ConnectionIdGenerator.Next();
            Assert.True(string.CompareOrdinal(last, next) < 0, $"{next} does not follow {last}.");
            last = next;
        }
    }

    /// <summary>
    /// Kestrel's own generator, for HTTP/3 and named pipes, counts up from the time at which it is first used.
    /// </summary>
    [Fact]
    public void An_id_encodes_a_time_of_this_start_that_is_long_before_any_of_Kestrels_own()
    {
        long value = ConnectionIdGenerator.Next().Aggregate(0L, (sum, character) =>
            (sum * 32) + (character <= '9' ? character - '0' : character - 'A' + 10));

        Assert.InRange(
            new DateTime(value, DateTimeKind.Utc), DateTime.UtcNow.AddDays(-1), DateTime.UtcNow.AddHours(-11));
    }

    [Fact]
    public void Ids_of_several_threads_are_all_different()
    {
        const int Threads = 4;
        const int Each = 50_000;

        var ids = new string[Threads][];
        TestThreads.Run(
            Threads,
            number => ids[number] = [.. Enumerable.Range(0, Each).Select(_ => ConnectionIdGenerator.Next())]);

        var all = new HashSet<string>(ids.SelectMany(some => some), StringComparer.Ordinal);
        Assert.Equal(Threads * Each, all.Count);
    }
}
