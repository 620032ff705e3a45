using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The loops of one factory. They start with the first user (a listener) and stop when the group is disposed, or some time
/// after the last listener and connection are gone; a reload of endpoints does not restart them.
/// </summary>
internal sealed class EventLoopGroup : IDisposable
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_joinTimeout = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly EventLoopSettings _settings;
    private readonly ILogger _logger;
    private readonly int _maxSpinning;
    private readonly byte[] _processMask = [];
    private EventLoop[] _loops = [];
    private HandOverReport? _report;
    private Timer? _graceTimer;
    private int _users;
    private int _spinning;
    private bool _disposed;

    internal EventLoopGroup(EventLoopSettings settings, ILogger logger)
    {
        _settings = settings;
        _logger = logger;

        // Never all CPUs spin, but a single one may: the thread-pool threads that it replaces spin there too.
        _maxSpinning = Math.Max(1, Environment.ProcessorCount - 1);
        Standbys = new Standbys(settings, logger, Unplace);
        Lane = new BlockingLane(settings.MaxBlockingThreads);
        Balance = new LoadBalance(this, settings.MovesConnections);
        if (settings.PinLoops)
        {
            _processMask = CpuSet.Mask();
        }
    }

    internal Standbys Standbys { get; }

    internal BlockingLane Lane { get; }

    internal LoadBalance Balance { get; }

    /// <summary>The loops that run at the moment, none before the first user.</summary>
    internal EventLoop[] Loops => Volatile.Read(ref _loops);

    /// <summary>Called when a loop has failed, on that loop's thread.</summary>
    internal event EventHandler<LoopFailedEventArgs>? LoopFailed;

    /// <summary>Adds a user and starts the loops if they do not run.</summary>
    internal EventLoop[] Acquire()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_loops.Length == 0)
            {
                StartLoops();
            }

            _users++;
            _graceTimer?.Dispose();
            _graceTimer = null;
            return _loops;
        }
    }

    internal void Release()
    {
        lock (_lock)
        {
            if (--_users == 0 && !_disposed)
            {
                _graceTimer = new Timer(static state => ((EventLoopGroup)state!).StopIfUnused(), this, s_grace, s_grace);
            }
        }
    }

    public void Dispose()
    {
        EventLoop[] loops;
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _graceTimer?.Dispose();
            loops = _loops;
            Volatile.Write(ref _loops, []);
        }

        Stop(loops);
        Standbys.Stop();
    }

    /// <summary>Pins the calling thread, which now owns the loop, if the options ask for it.</summary>
    internal void Place(EventLoop loop)
    {
        if (!_settings.PinLoops)
        {
            return;
        }

        int[] cpus = CpuSet.Members(_processMask);
        int cpu = cpus.Length == 0 ? -1 : cpus[loop.Index % cpus.Length];
        if (cpu < 0 || !CpuSet.PinThread(cpu))
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static state => Log.PinningFailed(state.Group._logger, state.Loop.Name, state.Cpu), (Group: this, Loop: loop, Cpu: cpu), preferLocal: false);
        }
    }

    /// <summary>Gives a thread that owns no loop any more the process's CPUs back; 0 is the calling thread.</summary>
    internal void Unplace(int threadId)
    {
        if (_settings.PinLoops)
        {
            CpuSet.SetMask(_processMask, threadId);
        }
    }

    /// <summary>Has the log say that a loop was taken over; not on this thread.</summary>
    internal void Report(HandOver handOver)
    {
        HandOverReport report = Volatile.Read(ref _report)
            ?? Interlocked.CompareExchange(ref _report, new HandOverReport(_logger), null)
            ?? _report!;
        report.Add(handOver);
    }

    internal void OnLoopFailed(EventLoop loop, Exception exception) => LoopFailed?.Invoke(this, new LoopFailedEventArgs(loop, exception));

    /// <summary>The loop for a connection that this process opens: the caller's own, so that what it does for both needs no other thread.</summary>
    internal static EventLoop ForOutgoing(EventLoop[] loops)
    {
        EventLoop least = loops[0];
        foreach (EventLoop loop in loops)
        {
            if (CallbackScope.Serves(loop))
            {
                return loop;
            }

            if (least.HasFailed || (loop.Connections < least.Connections && !loop.HasFailed))
            {
                least = loop;
            }
        }

        return least;
    }

    internal bool TryBeginSpin()
    {
        if (Interlocked.Increment(ref _spinning) <= _maxSpinning)
        {
            return true;
        }

        Interlocked.Decrement(ref _spinning);
        return false;
    }

    internal void EndSpin() => Interlocked.Decrement(ref _spinning);

    private static void Stop(EventLoop[] loops)
    {
        foreach (EventLoop loop in loops)
        {
            loop.RequestStop();
        }

        long started = Stopwatch.GetTimestamp();
        foreach (EventLoop loop in loops)
        {
            // A loop whose thread is inside somebody's callback ends when that returns; it is a background thread.
            TimeSpan left = s_joinTimeout - Stopwatch.GetElapsedTime(started);
            loop.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }
    }

    private void StartLoops()
    {
        var loops = new EventLoop[_settings.LoopCount];
        for (int i = 0; i < loops.Length; i++)
        {
            loops[i] = new EventLoop(i, this, _settings, _logger);
        }

        foreach (EventLoop loop in loops)
        {
            EventLoops.Standbys.Start(loop);
        }

        Volatile.Write(ref _loops, loops);
    }

    private void StopIfUnused()
    {
        EventLoop[] loops;
        lock (_lock)
        {
            if (_disposed || _users > 0 || Array.Exists(_loops, static loop => loop.Connections > 0))
            {
                return;
            }

            _graceTimer?.Dispose();
            _graceTimer = null;
            loops = _loops;
            Volatile.Write(ref _loops, []);
        }

        Stop(loops);
    }
}
