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
/// something, system calls, and those of user code. For tests that run alone: there is one hook for the process.
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
    private readonly IReadOnlyCollection<FaultyStep> _failing;
    private int _failed;
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

    /// <summary>How many steps of each kind there were.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>How many have failed.</summary>
    public int Failed => Volatile.Read(ref _failed);

    public bool HasFailed(string kind)
        => _failing.Any(step => Same(step.Kind, kind) && Counts.GetValueOrDefault(kind) >= step.Number);

    /// <summary>A step of user code.</summary>
    public void Reach(string kind) => Reach(kind, static kind => new InjectedFaultException(kind));

    /// <summary>No further step fails or counts.</summary>
    public void Dispose()
    {
        _over = true;
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

    private bool Strikes(string kind)
    {
        if (_over)
        {
            return false;
        }

        int number = _counts.AddOrUpdate(kind, 1, static (_, count) => count + 1);
        foreach (FaultyStep step in _failing)
        {
            if (step.Number == number && Same(step.Kind, kind))
            {
                Interlocked.Increment(ref _failed);
                return true;
            }
        }

        return false;
    }

    private static bool Same(string first, string second) => string.Equals(first, second, StringComparison.Ordinal);
}
