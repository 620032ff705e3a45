using System;
using System.Collections.Generic;
using System.Linq;

namespace KestrelFdmTransport.UnitTests.Layering;

/// <summary>Which types name which. The parts of a type are one, and nested types belong to the outer one.</summary>
internal sealed class TypeGraph
{
    private readonly Dictionary<string, HashSet<string>> _used;

    public TypeGraph(IEnumerable<(string Type, IEnumerable<string> Words)> files)
    {
        ILookup<string, string> words = files
            .SelectMany(file => file.Words.Select(word => (file.Type, Word: word)))
            .ToLookup(pair => pair.Type, pair => pair.Word, StringComparer.Ordinal);
        _used = words.ToDictionary(
            type => type.Key,
            type => type.Where(word => words.Contains(word)).ToHashSet(StringComparer.Ordinal),
            StringComparer.Ordinal);
    }

    /// <summary>Groups of at least two types of which each reaches all others.</summary>
    public IEnumerable<string[]> FindKnots()
    {
        Dictionary<string, HashSet<string>> reached =
            _used.Keys.ToDictionary(type => type, FindReached, StringComparer.Ordinal);
        return
            from type in _used.Keys
            let knot = reached[type].Where(other => reached[other].Contains(type)).Order(StringComparer.Ordinal)
            .ToArray()
            where knot.Length > 1 && string.Equals(knot[0], type, StringComparison.Ordinal)
            select knot;
    }

    private HashSet<string> FindReached(string type)
    {
        HashSet<string> reached = new(StringComparer.Ordinal);
        Stack<string> open = new([type]);
        while (open.TryPop(out string? next))
        {
            foreach (string used in _used[next].Where(reached.Add))
            {
                open.Push(used);
            }
        }

        return reached;
    }
}
