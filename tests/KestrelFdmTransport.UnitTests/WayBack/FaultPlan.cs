using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>
/// Counts the steps of a run that may fail, by their kind, and has some of them fail: our own where they take
/// something, system calls, and those of user code. Or has one of user code wait, and nothing fail. For tests that run
/// alone: there is one hook for the process.
/// </summary>
internal sealed class FaultPlan : IDisposable
{
    private const int Eio = 5;
    private const int Enomem = 12;
    private const int Einval = 22;
    private const int Emfile = 24;
    private const int Enospc = 28;
    private const int Enobufs = 105;
    private const int Econnrefused = 111;

    private static readonly Dictionary<Syscall, int> s_errors = new()
    {
        [Syscall.Accept] = Emfile,
        [Syscall.Receive] = Enomem,
        [Syscall.Send] = Enobufs,
        [Syscall.SendMessage] = Enobufs,
        [Syscall.EpollWait] = Einval,
        [Syscall.EpollAdd] = Enospc,
        [Syscall.EpollDelete] = Enomem,
        [Syscall.EpollCreate] = Emfile,
        [Syscall.CreateEventFd] = Emfile,
        [Syscall.Socket] = Emfile,
        [Syscall.Connect] = Econnrefused,
        [Syscall.GetSocketError] = Econnrefused,
        [Syscall.SetNoDelay] = Enobufs,
        [Syscall.LocalAddress] = Enobufs,
        [Syscall.Duplicate] = Emfile,
    };

    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _userCode = new(StringComparer.Ordinal);
    private readonly IReadOnlyCollection<FaultyStep> _failing;
    private int _failed;
    private volatile bool _paused;
    private volatile bool _over;

    /// <param name="failing">The steps that fail; none for a run that only counts.</param>
    public FaultPlan(params IReadOnlyCollection<FaultyStep> failing)
    {
        _failing = failing;

#pragma warning disable CA2201, MA0012 // It stands for the runtime's own.
        FaultPoints.Handler = point => Reach(point.ToString(), static _ => new OutOfMemoryException());
#pragma warning restore CA2201, MA0012
        SyscallFaultInjection.Handler =
            (call, _) => Strikes(call.ToString()) ? s_errors.GetValueOrDefault(call, Eio) : 0;
    }

    private FaultPlan(HeldStep held, params IReadOnlyCollection<FaultyStep> waiting)
        => (Held, _failing) = (held, waiting);

    /// <summary>The step of user code that waits; null if steps fail instead.</summary>
    public HeldStep? Held { get; }

    /// <summary>True while steps neither count nor fail nor wait.</summary>
    public bool IsPaused
    {
        get => _paused;
        set => _paused = value;
    }

    /// <summary>How many steps of each kind there were.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>The same for user code alone.</summary>
    public IReadOnlyDictionary<string, int> UserCounts
        => _userCode.Keys.ToDictionary(static kind => kind, kind => _counts[kind], StringComparer.Ordinal);

    /// <summary>How many have failed.</summary>
    public int Failed => Volatile.Read(ref _failed);

    /// <summary>A run in which these steps of user code wait until they are released.</summary>
    public static FaultPlan Waiting(params IReadOnlyCollection<FaultyStep> waiting) => new(new HeldStep(), waiting);

    public bool HasFailed(string kind)
        => _failing.Any(step => Same(step.Kind, kind) && Counts.GetValueOrDefault(kind) >= step.Number);

    /// <summary>A step of user code.</summary>
    public void Reach(string kind)
    {
        if (Held is null)
        {
            Reach(kind, static kind => new InjectedFaultException(kind));
        }
        else if (Strikes(kind, isUserCode: true))
        {
            Held.Enter();
        }
    }

    /// <summary>
    /// A step of user code that may wait and must not throw: the runtime ends the process for it.
    /// </summary>
    public void ReachIfHeld(string kind)
    {
        if (Held is not null)
        {
            Reach(kind);
        }
    }

    /// <summary>No further step fails, waits or counts.</summary>
    public void Dispose()
    {
        _over = true;
        Held?.Release();
        FaultPoints.Handler = null;
        SyscallFaultInjection.Handler = null;
    }

    private void Reach(string kind, Func<string, Exception> fault)
    {
        if (Strikes(kind))
        {
            throw fault(kind);
        }
    }

    private bool Strikes(string kind, bool isUserCode = false)
    {
        if (_over || _paused)
        {
            return false;
        }

        if (isUserCode)
        {
            _userCode.TryAdd(kind, value: true);
        }

        int number = _counts.AddOrUpdate(kind, 1, static (_, count) => count + 1);
        foreach (FaultyStep step in _failing)
        {
            if (step.Number == number && Same(step.Kind, kind))
            {
                if (Held is null)
                {
                    Interlocked.Increment(ref _failed);
                }

                return true;
            }
        }

        return false;
    }

    private static bool Same(string first, string second) => string.Equals(first, second, StringComparison.Ordinal);
}
