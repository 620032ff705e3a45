using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using KestrelFdmTransport.Balancing;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// The loops of one factory. They start with the first user, a listener or a connection factory. They stop when the
/// group is disposed, or some time after the last user and connection have gone, so a reload of endpoints does not
/// restart them.
/// </summary>
internal sealed class EventLoopGroup : IDisposable
{
    /// <summary>An epoll and an eventfd.</summary>
    private const int DescriptorsPerLoop = 2;

    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_joinTimeout = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly EventLoopSettings _settings;
    private readonly ILogger _logger;
    private EventLoop[] _loops = [];
    private Exception? _failure;
    private Timer? _graceTimer;
    private int _users;
    private int _connections;
    private bool _disposed;

    internal EventLoopGroup(EventLoopSettings settings, ILogger logger)
    {
        _settings = settings;
        _logger = logger;
        Spins = new SpinPermits(settings.SpinDuration);
        Scheduler = new CallbackScheduler(settings.ThreadLimits, logger);
        Balancer = new LoadBalancer<EventLoop>(() => Loops, settings.RebalancesConnections);
        Headroom = new DescriptorHeadroom(settings.LoopCount);
    }

    internal CallbackScheduler Scheduler { get; }

    internal SpinPermits Spins { get; }

    internal LoadBalancer<EventLoop> Balancer { get; }

    internal DescriptorHeadroom Headroom { get; }

    /// <summary>The running loops, none before the first user. A failed loop is replaced at its index.</summary>
    internal EventLoop[] Loops => Volatile.Read(ref _loops);

    /// <summary>
    /// The failure of a loop that has been given up, if any: it accepts nothing. Written before
    /// <see cref="LoopFailed"/> is raised, so a listener that subscribes first and then reads null here will get the
    /// event. Any thread.
    /// </summary>
    internal Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>
    /// Called when a loop has failed, on that loop's thread: with the loop, the cause, and the loop that runs in its
    /// place, null if it has been given up.
    /// </summary>
#pragma warning disable MA0046 // A type of arguments is for subscribers that we do not know.
    internal event Action<EventLoop, Exception, EventLoop?>? LoopFailed;
#pragma warning restore MA0046

    /// <summary>Adds a user and starts the loops if they do not run.</summary>
    internal EventLoop[] AddUser()
    {
        using (_lock.Hold())
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_loops.Length == 0)
            {
                StartLoops();
            }

            _users++;
            _graceTimer!.Change(Timeout.Infinite, Timeout.Infinite);
            return _loops;
        }
    }

    internal void RemoveUser()
    {
        using (_lock.Hold())
        {
            if (--_users == 0 && !_disposed)
            {
                _graceTimer!.Change(s_grace, s_grace);
            }
        }
    }

    /// <summary>
    /// The connections of all loops. A sum over the loops would miss one that migrates meanwhile. Any thread.
    /// </summary>
    internal int Connections => Volatile.Read(ref _connections);

    internal void OnConnectionOpened() => Interlocked.Increment(ref _connections);

    internal void OnConnectionClosed() => Interlocked.Decrement(ref _connections);

    public void Dispose()
    {
        EventLoop[] loops;
        using (_lock.Hold())
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
        Scheduler.Stop();
    }

    /// <summary>Replaces a failed loop, or gives it up. On that loop's thread, before its sources end.</summary>
    internal void OnLoopFailed(EventLoop loop, Exception exception)
    {
        EventLoop? replacement = null;
        bool runs;
        using (_lock.Hold())
        {
            runs = loop.Index < _loops.Length && _loops[loop.Index] == loop;
            if (runs && !IsRepeatedFailure(loop))
            {
                replacement = TryRestart(loop.Index, ref exception);
            }

            if (runs && replacement is null)
            {
                Volatile.Write(ref _failure, exception);
            }
        }

        // A group that stops notifies its sources itself. The log comes last, because it is user code that may wait.
        if (runs)
        {
            LoopFailed?.Invoke(loop, exception, replacement);
        }

        if (runs && replacement is null)
        {
            Log.LoopGivenUp(_logger, loop.Name, exception);
        }
        else
        {
            Log.LoopFailed(_logger, loop.Name, exception);
        }
    }

    /// <summary>
    /// The loop for an outgoing connection: the caller's own, so that work on both connections needs no other thread.
    /// </summary>
    internal static EventLoop SelectForOutgoing(EventLoop[] loops)
    {
        long now = Stopwatch.GetTimestamp();
        EventLoop best = loops[0];
        (int Fault, int Connections) least = (int.MaxValue, 0);
        foreach (EventLoop loop in loops)
        {
            if (LoopThread.Serves(loop))
            {
                return loop;
            }

            // If all are stuck, the connection waits on any loop.
            (int Fault, int Connections) candidate =
                (loop.HasFailed ? 2 : loop.Utilization.IsStuck(now) ? 1 : 0, loop.ConnectionCount);
            if (candidate.CompareTo(least) < 0)
            {
                best = loop;
                least = candidate;
            }
        }

        return best;
    }

    private static void Stop(EventLoop[] loops)
    {
        foreach (EventLoop loop in loops)
        {
            loop.RequestStop();
        }

        long started = Stopwatch.GetTimestamp();
        foreach (EventLoop loop in loops)
        {
            // A loop whose thread is inside a callback ends when that returns; it is a background thread.
            TimeSpan left = s_joinTimeout - Stopwatch.GetElapsedTime(started);
            loop.Join(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }
    }

    /// <summary>Starts all loops, or none with nothing left of them.</summary>
    private void StartLoops()
    {
        FaultPoints.Hit(FaultPoint.TimerMade);
        _graceTimer ??= new Timer(
            static state => ((EventLoopGroup)state!).StopIfUnused(), this, Timeout.Infinite, Timeout.Infinite);
        ThrowIfTooMany(DescriptorsPerLoop * _settings.LoopCount);
        Spins.Start();
        Scheduler.Start();
        var loops = new EventLoop[_settings.LoopCount];
        int made = 0;
        int started = 0;
        try
        {
            for (; made < loops.Length; made++)
            {
                loops[made] = new EventLoop(made, this, _settings, _logger);
                ThrowIfTooMany(loops[made].HighestDescriptor);
            }

            for (; started < loops.Length; started++)
            {
                Scheduler.Standbys.Start(loops[started]);
            }
        }
        catch
        {
            // One whose descriptor was too high has been made and not been counted.
            foreach (EventLoop? loop in loops[started..])
            {
                loop?.CloseDescriptors();
            }

            Stop(loops[..started]);
            Scheduler.Stop();
            throw;
        }

        Volatile.Write(ref _failure, null);
        Volatile.Write(ref _loops, loops);
    }

    /// <summary>
    /// Throws if the loops would take the last descriptors: the process could open no file and accept no client, and
    /// the .NET runtime may fail to start a thread, which ends the process.
    /// </summary>
    /// <param name="descriptor">The highest number needed: the kernel gives out the lowest free one.</param>
    private void ThrowIfTooMany(int descriptor)
    {
        if (!Headroom.IsAmple(descriptor))
        {
            throw SocketErrors.Exception(
                Errno.EMFILE,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"There are too few file descriptors for {_settings.LoopCount} event loops: each loop takes "
                        + $"{DescriptorsPerLoop}, the process is limited to {Headroom.Limit}, and {Headroom.Reserved} "
                        + $"are reserved. Raise the limit (ulimit -n, LimitNOFILE) or lower LoopCount."));
        }
    }

    private bool IsRepeatedFailure(EventLoop loop)
        => loop.RestartedAt is { } started && Stopwatch.GetElapsedTime(started) < _settings.RestartWindow;

    /// <summary>
    /// Null, with both causes in <paramref name="exception"/>, if there is no descriptor or thread for it.
    /// </summary>
    private EventLoop? TryRestart(int index, ref Exception exception)
    {
        EventLoop? loop = null;
        try
        {
            loop = new EventLoop(index, this, _settings, _logger) { RestartedAt = Stopwatch.GetTimestamp() };
            Scheduler.Standbys.Start(loop);
            Volatile.Write(ref _loops[index], loop);
            return loop;
        }
        catch (Exception second)
        {
            loop?.CloseDescriptors();

            // For any exception the result is the same: there is no loop.
            exception = new AggregateException(exception, second);
            return null;
        }
    }

    /// <summary>Stops the loops if they have neither a user nor a connection.</summary>
    internal void StopIfUnused()
    {
        EventLoop[] loops;
        using (_lock.Hold())
        {
            if (_disposed || _users > 0 || Connections > 0)
            {
                return;
            }

            _graceTimer!.Change(Timeout.Infinite, Timeout.Infinite);
            loops = _loops;
            Volatile.Write(ref _loops, []);
        }

        Stop(loops);
        using (_lock.Hold())
        {
            // The loops may have been started again meanwhile.
            if (_loops.Length == 0)
            {
                Scheduler.Stop();
            }
        }
    }
}
