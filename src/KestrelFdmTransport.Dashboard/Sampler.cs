using System;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Dashboard;

/// <summary>
/// Takes a sample in every period while there are viewers. The first one starts it, the last one stops it. It keeps
/// the latest sample only, so viewers that are slow or stuck hold at most one older sample each.
/// </summary>
/// <param name="take">The bytes of a new sample, a new array each time.</param>
internal sealed class Sampler(Func<byte[]> take, TimeSpan period, int maxViewers)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _next = NewSignal();
    private byte[]? _latest;
    private Timer? _timer;
    private int _viewers;
    private long _samples;

    internal int Viewers
    {
        get
        {
            lock (_lock)
            {
                return _viewers;
            }
        }
    }

    internal bool IsRunning
    {
        get
        {
            lock (_lock)
            {
                return _timer is not null;
            }
        }
    }

    /// <summary>The number of samples taken so far.</summary>
    internal long Samples => Interlocked.Read(ref _samples);

    /// <summary>Null if there are as many as there may be.</summary>
    internal Viewer? TryAddViewer()
    {
        lock (_lock)
        {
            if (_viewers == maxViewers)
            {
                return null;
            }

            _timer ??= StartTimer();
            _viewers++;
            return new Viewer(this);
        }
    }

    internal void RemoveViewer()
    {
        lock (_lock)
        {
            if (--_viewers == 0)
            {
                _timer?.Dispose();
                _timer = null;
                _latest = null;
            }
        }
    }

    /// <param name="next">Otherwise: ends when there is another sample, or fails if that could not be taken.</param>
    internal bool TryGetNewer(byte[]? seen, [NotNullWhen(true)] out byte[]? sample, out Task next)
    {
        lock (_lock)
        {
            sample = _latest;
            next = _next.Task;
            return sample is not null && sample != seen;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Timer StartTimer()
    {
        // The timer outlives the request of its first viewer, whose context it must not hold.
        using AsyncFlowControl flow = ExecutionContext.SuppressFlow();
        return new Timer(static sampler => ((Sampler)sampler!).TakeSample(), this, TimeSpan.Zero, period);
    }

    private void TakeSample()
    {
        TaskCompletionSource signal;
        Exception? error = null;
        lock (_lock)
        {
            if (_timer is null)
            {
                return;
            }

            try
            {
                _latest = take();
            }
            catch (Exception exception)
            {
                // An IFdmTransport of the application's own may throw. Each viewer's request then fails with it.
                _latest = null;
                error = exception;
            }

            _samples++;
            signal = _next;
            _next = NewSignal();
        }

        if (error is null)
        {
            signal.SetResult();
        }
        else
        {
            signal.SetException(error);
            _ = signal.Task.Exception; // seen, also if no viewer waits for it
        }
    }
}
