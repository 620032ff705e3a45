using System.Collections.Generic;

namespace KestrelFdmTransport.EventLoops;

/// <summary>The few sources of a loop that want to be resumed at a time: resting listen descriptors.</summary>
/// <remarks>Belongs to the loop's owner. A list, because there is one entry per endpoint at most.</remarks>
internal sealed class Deadlines
{
    private readonly List<(IoSource Source, long Due)> _entries = [];

    internal void Set(IoSource source, long due)
    {
        Clear(source);
        _entries.Add((source, due));
    }

    internal void Clear(IoSource source)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            if (_entries[i].Source == source)
            {
                _entries.RemoveAt(i);
            }
        }
    }

    /// <summary>Ticks until the next one is due, 0 if one is overdue, -1 if there is none.</summary>
    internal long Until(long now)
    {
        long least = -1;
        foreach ((_, long due) in _entries)
        {
            long left = due > now ? due - now : 0;
            least = least < 0 || left < least ? left : least;
        }

        return least;
    }

    internal bool TryTakeDue(long now, out IoSource? source)
    {
        for (int i = 0; i < _entries.Count; i++)
        {
            if (_entries[i].Due <= now)
            {
                source = _entries[i].Source;
                _entries.RemoveAt(i);
                return true;
            }
        }

        source = null;
        return false;
    }
}
