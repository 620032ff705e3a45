using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Polling;

/// <summary>The events of one poll, in arrival order. They arrived one after the other since the poll before.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct EventBatch
{
    private readonly long _step;
    private long _nextArrival;

    /// <param name="since">None had arrived at this time: the last poll, or now if the loop slept until an
    /// event arrived.</param>
    internal EventBatch(int count, long now, long since)
    {
        Count = count;
        Now = now;
        Since = since;
        _step = count > 0 ? (now - since) / count : 0;
        _nextArrival = since + _step;
    }

    internal int Count { get; }

    internal long Now { get; }

    internal long Since { get; }

    /// <summary>When the next event arrived.</summary>
    internal long TakeArrival()
    {
        long arrival = _nextArrival;
        _nextArrival += _step;
        return arrival;
    }
}
