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
    private readonly PollingPolicy _policy;
    private readonly SpinPredictor _spinPredictor;
    private readonly AdaptiveGapThreshold _gapThreshold;
    private volatile bool _enabled;
    private LiveCounter[] _counters = new LiveCounter[64];
    private LoopActivity _activity;
    private EventBatch _batch;
    private bool _fifo;
    private int _fifoBudget;
    private long _clock;
    private long _dispatchedArrival;

    /// <summary>Since when iterations have left too many events; <see cref="long.MaxValue"/> if they do not.</summary>
    private long _behindSince = long.MaxValue;

    internal PollingSets(PollingPolicy policy, SpinPredictor spinPredictor)
    {
        _policy = policy;
        _enabled = policy.Enabled;
        _spinPredictor = spinPredictor;
        _gapThreshold = new AdaptiveGapThreshold(policy.HotGap);
    }

    /// <summary>
    /// False: one queue in arrival order. Any thread may change it; queued events stay where they are.
    /// </summary>
    internal bool Enabled
    {
        get => _enabled;
        set => _enabled = value;
    }

    private long HotGap => _policy.HotGap << _gapThreshold.Shift;

    internal long Iterations { get; private set; }

    internal ReadyQueue Hot { get; } = new(64);

    internal ReadyQueue Warm { get; } = new(64);

    internal ReadyQueue Cold { get; } = new(64);

    internal int Backlog => Hot.Count + Warm.Count + Cold.Count;

    /// <summary>The number of events of the last poll, or of connections that wait if that is more.</summary>
    internal int Pending => Math.Max(_batch.Count, Backlog);

    /// <summary>True if the backlog means that the loop is behind, unless this iteration works it off.</summary>
    internal bool IsBehind => Backlog > _policy.MaxBacklog;

    /// <summary>
    /// True if the loop has been behind for long enough that the sets have quotas, and the quotas have no room for all.
    /// </summary>
    internal bool IsOverloaded { get; private set; }

    /// <summary>A copy.</summary>
    internal LiveCounter Counter(int slot) => _counters[slot];

    /// <summary>A copy for statistics. It may be torn, or belong to another connection by now. Any thread.</summary>
    internal LiveCounter Peek(int slot)
    {
        LiveCounter[] counters = Volatile.Read(ref _counters);
        return slot < counters.Length ? counters[slot] : LiveCounter.CreateNew(0);
    }

    /// <summary>What is left of a live counter if no event has come until now. Any thread.</summary>
    internal int Decay(in LiveCounter counter, long now)
        => counter.Decayed(Math.Max(0, now - counter.LastServed), HotGap);

    /// <param name="value">Its live counter; one that comes from another loop brings its own.</param>
    internal void Register(int slot, long now, byte value = PollingPolicy.CounterStart)
    {
        if (slot >= _counters.Length)
        {
            Array.Resize(ref _counters, Math.Max(slot + 1, _counters.Length * 2));
        }

        ref LiveCounter counter = ref _counters[slot];
        _activity.Update(ref counter, 0);
        counter = LiveCounter.CreateNew(now, value);
        _activity.Update(ref counter, value);
    }

    internal void Deregister(int slot)
    {
        ref LiveCounter counter = ref _counters[slot];
        _spinPredictor.Forget(ref counter);
        _activity.Update(ref counter, 0);
    }

    /// <summary>Begins a batch of events; <see cref="EventBatch"/> describes the parameters.</summary>
    internal void BeginBatch(int count, long now, long since)
    {
        // Before they are queued: what waits now is what the last iteration left. A loop that leaves little is not
        // behind, even if many events come at once.
        if (!IsBehind)
        {
            _behindSince = long.MaxValue;
        }

        _batch = new EventBatch(count, now, since);
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
        long arrival = _batch.TakeArrival();
        ref LiveCounter counter = ref _counters[(int)(uint)token];
        if (counter.Queued)
        {
            return;
        }

        long gap = Math.Max(0, _batch.Since - counter.LastServed);
        _gapThreshold.Add(gap);
        counter.Move(gap, HotGap, _policy.WarmGap << _gapThreshold.Shift);
        _activity.Update(ref counter, counter.Value);

        // Spinning needs a short gap that is certain.
        _spinPredictor.Observe(ref counter, _batch.Now - counter.LastServed, _policy.FastGap);
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
        if (Pending <= _policy.MaxBacklog || counter.Queued || counter.Set != PollingSet.Warm)
        {
            return false;
        }

        // In arrival order it takes the place of its listen socket's event, so without sets it is not last either.
        Warm.EnqueueAtOnce(token, _fifo ? _dispatchedArrival : now);
        counter.Queued = true;
        _fifoBudget++;
        return true;
    }

    internal void BeginIteration(long now)
    {
        Iterations++;
        _behindSince = IsBehind ? Math.Min(_behindSince, now) : long.MaxValue;
        int hot = Hot.Count;
        int warmShare = Math.Max(_policy.MinQuota, hot * _policy.WarmWeight);
        int coldShare = Math.Max(_policy.MinQuota, hot * _policy.WarmWeight / 2);

        // If the quotas have room for all, priority gains nothing: every connection is dispatched in this iteration.
        bool mayServeAll = Warm.Count <= warmShare && Cold.Count <= coldShare;
        IsOverloaded = !mayServeAll
            && (now - _behindSince >= _policy.OverloadAfter
                || (IsBehind && OldestQueued(now) >= _policy.MaxQueueDelay));

        // Each connection once, so that one with endless work does not extend the iteration.
        _fifo = !IsOverloaded;
        _fifoBudget = _policy.FifoBatch;
        Hot.BeginIteration(hot);
        Warm.BeginIteration(_fifo ? int.MaxValue : warmShare);
        Cold.BeginIteration(_fifo ? int.MaxValue : coldShare);
    }

    /// <summary>
    /// The next connection of this iteration. The caller clears the queued flag with <see cref="Dequeued"/>.
    /// </summary>
    internal bool TryNext(out ulong token)
    {
        ReadyQueue? queue = !_fifo ? FirstOfAll() : _fifoBudget > 0 ? OldestOfAll() : null;
        if (queue is null)
        {
            token = 0;
            return false;
        }

        _fifoBudget--;

        // The end of the last dispatch is close to now and saves a clock read.
        token = queue.Dequeue(_clock, out _dispatchedArrival);
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
        _activity.MeasureSilent(_counters, now, HotGap);
        return (_activity.Sum, _activity.Established, _activity.Hot);
    }

    /// <summary>How long the oldest queued connection has waited, in clock ticks.</summary>
    internal long OldestQueued(long now)
    {
        long oldest = now;
        oldest = Hot.Count > 0 ? Math.Min(oldest, Hot.OldestQueuedAt) : oldest;
        oldest = Warm.Count > 0 ? Math.Min(oldest, Warm.OldestQueuedAt) : oldest;
        oldest = Cold.Count > 0 ? Math.Min(oldest, Cold.OldestQueuedAt) : oldest;
        return now - oldest;
    }

    /// <summary>
    /// Among the sets that still have quota, the one whose head has waited longest. The hot set wins a tie.
    /// </summary>
    private ReadyQueue? OldestOfAll() => Older(Older(Hot.Budget > 0 ? Hot : null, Warm), Cold);

    private ReadyQueue? FirstOfAll()
        => Hot.Budget > 0 ? Hot
            : Warm.Budget > 0 ? Warm
            : Cold.Budget > 0 ? Cold
            : null;

    private static ReadyQueue? Older(ReadyQueue? first, ReadyQueue second)
        => second.Budget > 0 && (first is null || second.OldestQueuedAt < first.OldestQueuedAt) ? second : first;

    internal ReadyQueue Queue(PollingSet set) => set switch
    {
        PollingSet.Hot => Hot,
        PollingSet.Warm => Warm,
        _ => Cold,
    };

    private void Enqueue(ref LiveCounter counter, ulong token, long arrival)
    {
        // Without sets all wait in one queue.
        (_enabled ? Queue(counter.Set) : Hot).Enqueue(token, arrival);

        // Last: without memory for the queue it is not queued.
        counter.Queued = true;
    }
}
