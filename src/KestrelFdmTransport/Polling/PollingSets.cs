using System;
using System.Threading;

namespace KestrelFdmTransport.Polling;

/// <summary>
/// Three ready queues that are dispatched with different weights, after FDM (Liu and Chen, IEE Proc. Software 151(3),
/// 2004).
/// </summary>
/// <remarks>
/// FDM polled its sets at different rates because poll() costs per registered descriptor. With epoll the cost is per
/// ready connection, so polling a set here means examining its queue. Pure logic: no I/O and no clock. The low half of
/// a token is the slot index. Members belong to the loop's owner unless they say otherwise.
/// </remarks>
internal sealed class PollingSets
{
    /// <summary>
    /// Slots whose activity is measured per window, which takes too little time to delay a request. Of 100,000
    /// connections each is measured every five seconds. Only silent connections need that: the others count by their
    /// last event.
    /// </summary>
    private const int MeasuredPerWindow = 1_024;

    private readonly PollingPolicy _rules;
    private readonly SpinPredictor _spinPredictor;
    private readonly AdaptiveGapThreshold _gapThreshold;
    private volatile bool _enabled;
    private LiveCounter[] _counters = new LiveCounter[64];
    private ReadyQueue _hot = new(64);
    private ReadyQueue _warm = new(64);
    private ReadyQueue _cold = new(64);
    private int _hotBudget;
    private int _warmBudget;
    private int _coldBudget;
    private bool _fifo;
    private int _fifoBudget;
    private int _batch;
    private long _nextArrival;
    private long _arrivalStep;
    private long _since;
    private long _now;
    private long _clock;
    private long _dispatchedArrival;
    private int _activity;
    private int _establishedActivity;
    private int _hotConnections;
    private int _measuredTo;

    /// <summary>Since when iterations have left too many events; <see cref="long.MaxValue"/> if they do not.</summary>
    private long _behindSince = long.MaxValue;

    internal PollingSets(PollingPolicy rules, SpinPredictor spinGate)
    {
        _rules = rules;
        _enabled = rules.Enabled;
        _spinPredictor = spinGate;
        _gapThreshold = new AdaptiveGapThreshold(rules.HotGap);
    }

    /// <summary>
    /// False: one queue in arrival order. Any thread may change it; queued events stay where they are.
    /// </summary>
    internal bool Enabled
    {
        get => _enabled;
        set => _enabled = value;
    }

    internal long Iterations { get; private set; }

    internal PollingSetCounters Hot { get; } = new();

    internal PollingSetCounters Warm { get; } = new();

    internal PollingSetCounters Cold { get; } = new();

    internal int Backlog => _hot.Count + _warm.Count + _cold.Count;

    /// <summary>The number of events of the last poll, or of connections that wait if that is more.</summary>
    internal int Pending => Math.Max(_batch, Backlog);

    /// <summary>True if the backlog means that the loop is behind, unless this iteration works it off.</summary>
    internal bool IsBehind => Backlog > _rules.MaxBacklog;

    /// <summary>
    /// True if the loop has been behind for long enough that the sets have quotas, and the quotas have no room for all.
    /// </summary>
    internal bool IsOverloaded { get; private set; }

    internal int Queued(PollingSet set) => set switch
    {
        PollingSet.Hot => _hot.Count,
        PollingSet.Warm => _warm.Count,
        _ => _cold.Count,
    };

    /// <summary>A copy.</summary>
    internal LiveCounter Counter(int slot) => _counters[slot];

    /// <summary>A copy for statistics. It may be torn, or belong to another connection by now. Any thread.</summary>
    internal LiveCounter Peek(int slot)
    {
        LiveCounter[] counters = Volatile.Read(ref _counters);
        return slot < counters.Length ? counters[slot] : LiveCounter.CreateNew(0);
    }

    /// <param name="slot">The connection's slot.</param>
    /// <param name="now">The time.</param>
    /// <param name="value">Its live counter; one that comes from another loop brings its own.</param>
    internal void Register(int slot, long now, byte value = PollingPolicy.CounterStart)
    {
        if (slot >= _counters.Length)
        {
            Array.Resize(ref _counters, Math.Max(slot + 1, _counters.Length * 2));
        }

        ref LiveCounter counter = ref _counters[slot];
        CountActivity(ref counter, 0);
        counter = LiveCounter.CreateNew(now, value);
        CountActivity(ref counter, value);
    }

    internal void Deregister(int slot)
    {
        ref LiveCounter counter = ref _counters[slot];
        _spinPredictor.Forget(ref counter);
        CountActivity(ref counter, 0);
    }

    /// <summary>
    /// Begins a batch of events, in arrival order. They arrived one after the other since the last poll.
    /// </summary>
    /// <param name="count">The number of events.</param>
    /// <param name="now">The time.</param>
    /// <param name="since">None had arrived at this time: the last poll, or now if the loop slept until an
    /// event arrived.</param>
    internal void BeginBatch(int count, long now, long since)
    {
        // Before they are queued: what waits now is what the last iteration left. A loop that leaves little is not
        // behind, even if many events come at once.
        if (!IsBehind)
        {
            _behindSince = long.MaxValue;
        }

        _batch = count;
        _now = now;
        _since = since;
        _arrivalStep = count > 0 ? (now - since) / count : 0;
        _nextArrival = since + _arrivalStep;
    }

    /// <summary>
    /// An event was polled: moves the counter, and queues the connection unless it is queued already.
    /// </summary>
    /// <remarks>
    /// The gap is the think time: from the end of the last dispatch to the arrival. Measured at the dispatch, a hot
    /// connection behind thousands of others would look warm. So it would after a long iteration, if the poll were
    /// taken for the arrival. The gap is counted from the poll before, in favour of the connection.
    /// </remarks>
    internal void Arrived(ulong token)
    {
        long arrival = _nextArrival;
        _nextArrival += _arrivalStep;
        ref LiveCounter counter = ref _counters[(int)(uint)token];
        if (counter.Queued)
        {
            return;
        }

        long gap = Math.Max(0, _since - counter.LastServed);
        _gapThreshold.Add(gap);
        Move(ref counter, gap);

        // Spinning needs a short gap that is certain.
        _spinPredictor.Observe(ref counter, _now - counter.LastServed, _rules.FastGap);
        Enqueue(ref counter, token, arrival);
    }

    /// <summary>
    /// Queues without an event: the dispatch used up its quota, or another thread asked for the connection.
    /// </summary>
    internal void Requeue(ulong token, long now)
    {
        ref LiveCounter counter = ref _counters[(int)(uint)token];
        if (!counter.Queued)
        {
            // By the clock of the iteration it would come before all that was polled with it.
            Enqueue(ref counter, token, Math.Max(now, _clock));
        }
    }

    /// <summary>
    /// Queues a new connection behind a backlog, for this iteration if no other warm ones have to wait for the next. It
    /// has waited to be accepted for about as long as the others wait for their dispatch. Otherwise it would wait twice
    /// more: for the poll that finds its first bytes, and behind the hot ones.
    /// </summary>
    /// <returns>False if it was not queued.</returns>
    internal bool EnqueueAccepted(ulong token, long now)
    {
        ref LiveCounter counter = ref _counters[(int)(uint)token];
        if (Pending <= _rules.MaxBacklog || counter.Queued || counter.Set != PollingSet.Warm)
        {
            return false;
        }

        // In arrival order it takes the place of its listen socket's event, so without sets it is not last either.
        Enqueue(ref counter, PollingSet.Warm, token, _fifo ? _dispatchedArrival : now);
        _fifoBudget++;
        _warmBudget++;
        return true;
    }

    internal void BeginIteration(long now)
    {
        Iterations++;
        _behindSince = IsBehind ? Math.Min(_behindSince, now) : long.MaxValue;
        int hot = _hot.Count;
        int warmShare = Math.Max(_rules.MinQuota, hot * _rules.WarmWeight);
        int coldShare = Math.Max(_rules.MinQuota, hot * _rules.WarmWeight / 2);

        // If the quotas have room for all, priority gains nothing: every connection gets its turn in this iteration.
        bool mayServeAll = _warm.Count <= warmShare && _cold.Count <= coldShare;
        IsOverloaded = !mayServeAll
            && (now - _behindSince >= _rules.OverloadAfter || (IsBehind && OldestQueued(now) >= _rules.MaxQueueDelay));

        // Each connection once, so that one with endless work does not extend the iteration.
        _fifo = !IsOverloaded;
        _fifoBudget = _rules.FifoBatch;
        _hotBudget = hot;
        _warmBudget = _fifo ? _warm.Count : Math.Min(_warm.Count, warmShare);
        _coldBudget = _fifo ? _cold.Count : Math.Min(_cold.Count, coldShare);

        Hot.Polls++;
        Warm.Polls++;
        Cold.Polls++;
    }

    /// <summary>
    /// The next connection of this iteration. The caller clears the queued flag with <see cref="Dequeued"/>.
    /// </summary>
    internal bool TryNext(out ulong token)
    {
        PollingSet set;
        if (_fifo)
        {
            if (_fifoBudget == 0 || !OldestOfAll(out set))
            {
                token = 0;
                return false;
            }

            _fifoBudget--;
        }
        else if (_hotBudget > 0)
        {
            set = PollingSet.Hot;
        }
        else if (_warmBudget > 0)
        {
            set = PollingSet.Warm;
        }
        else if (_coldBudget > 0)
        {
            set = PollingSet.Cold;
        }
        else
        {
            token = 0;
            return false;
        }

        token = Take(set);
        return true;
    }

    internal void Dequeued(int slot) => _counters[slot].Queued = false;

    internal void OnDispatched(int slot, long now)
    {
        ref LiveCounter counter = ref _counters[slot];
        counter.LastServed = now;
        _clock = now;
    }

    /// <summary>
    /// The sum of the live counters as of now, the part that a single request cannot explain, and the number of hot
    /// connections. Each call examines a bounded number of silent connections.
    /// </summary>
    internal (int Activity, int EstablishedActivity, int Hot) Measure(long now)
    {
        long hotGap = _rules.HotGap << _gapThreshold.Shift;
        for (int i = Math.Min(MeasuredPerWindow, _counters.Length); i > 0; i--)
        {
            _measuredTo = _measuredTo + 1 < _counters.Length ? _measuredTo + 1 : 0;
            ref LiveCounter counter = ref _counters[_measuredTo];
            if (counter.Activity > 0 && !counter.Queued)
            {
                CountActivity(ref counter, Decayed(counter.Value, now - counter.LastServed, hotGap));
            }
        }

        return (_activity, _establishedActivity, _hotConnections);
    }

    /// <summary>How long the oldest queued connection has waited, in clock ticks.</summary>
    internal long OldestQueued(long now)
    {
        long oldest = now;
        oldest = _hot.Count > 0 ? Math.Min(oldest, _hot.OldestQueuedAt) : oldest;
        oldest = _warm.Count > 0 ? Math.Min(oldest, _warm.OldestQueuedAt) : oldest;
        oldest = _cold.Count > 0 ? Math.Min(oldest, _cold.OldestQueuedAt) : oldest;
        return now - oldest;
    }

    private ulong Take(PollingSet set)
    {
        switch (set)
        {
            case PollingSet.Hot:
                _hotBudget--;
                return Take(ref _hot, Hot);
            case PollingSet.Warm:
                _warmBudget--;
                return Take(ref _warm, Warm);
            default:
                _coldBudget--;
                return Take(ref _cold, Cold);
        }
    }

    private ulong Take(ref ReadyQueue queue, PollingSetCounters count)
    {
        ulong token = queue.Dequeue(out long queuedAt);
        _dispatchedArrival = queuedAt;
        count.Dispatched++;

        // The end of the last dispatch is close to now and saves a clock read.
        count.Delay += Math.Max(0, _clock - queuedAt);
        return token;
    }

    /// <summary>
    /// Among the sets that still have quota, the one whose head has waited longest. The hot set wins a tie.
    /// </summary>
    private bool OldestOfAll(out PollingSet set)
    {
        set = PollingSet.Hot;
        long oldest = long.MaxValue;
        bool found = false;
        if (_hotBudget > 0)
        {
            oldest = _hot.OldestQueuedAt;
            found = true;
        }

        if (_warmBudget > 0 && _warm.OldestQueuedAt < oldest)
        {
            set = PollingSet.Warm;
            oldest = _warm.OldestQueuedAt;
            found = true;
        }

        if (_coldBudget > 0 && _cold.OldestQueuedAt < oldest)
        {
            set = PollingSet.Cold;
            found = true;
        }

        return found;
    }

    private void Move(ref LiveCounter counter, long gap)
    {
        long hotGap = _rules.HotGap << _gapThreshold.Shift;
        if (gap < hotGap)
        {
            counter.Value = (byte)Math.Min(PollingPolicy.CounterMax, counter.Value + 1);
        }
        else
        {
            // Decay is lazy: it happens at the next event, so nothing walks all connections.
            counter.Value = Decayed(counter.Value, gap, hotGap);
        }

        CountActivity(ref counter, counter.Value);
        bool staysHot = counter.Set == PollingSet.Hot && counter.Value >= 1;
        counter.Set = counter.Value >= PollingPolicy.CounterHot || staysHot ? PollingSet.Hot
            : gap < _rules.WarmGap << _gapThreshold.Shift ? PollingSet.Warm
            : PollingSet.Cold;
    }

    private void CountActivity(ref LiveCounter counter, byte value)
    {
        byte before = counter.Activity;
        if (value == before)
        {
            return;
        }

        counter.Activity = value;
        _activity += value - before;
        _establishedActivity += Established(value) - Established(before);
        _hotConnections += (value >= PollingPolicy.CounterHot ? 1 : 0) - (before >= PollingPolicy.CounterHot ? 1 : 0);
    }

    private static int Established(byte value) => value > PollingPolicy.CounterStart + 1 ? value : 0;

    private static byte Decayed(byte value, long gap, long hotGap)
        => (byte)Math.Max(0, value - Math.Min(PollingPolicy.CounterMax, gap / hotGap));

    /// <summary>Without sets all wait in one queue.</summary>
    private PollingSet QueueOf(in LiveCounter counter) => _enabled ? counter.Set : PollingSet.Hot;

    private void Enqueue(ref LiveCounter counter, ulong token, long arrival)
        => Enqueue(ref counter, QueueOf(counter), token, arrival);

    private void Enqueue(ref LiveCounter counter, PollingSet set, ulong token, long arrival)
    {
        switch (set)
        {
            case PollingSet.Hot:
                _hot.Enqueue(token, arrival);
                break;
            case PollingSet.Warm:
                _warm.Enqueue(token, arrival);
                break;
            default:
                _cold.Enqueue(token, arrival);
                break;
        }

        // Last: without memory for the queue it is not queued.
        counter.Queued = true;
    }
}
