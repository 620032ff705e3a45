using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>What a thread of the transport has between callbacks. User code may leave other things behind.</summary>
internal sealed class ThreadDefaults(Thread thread)
{
    private static readonly long s_millisecond = Stopwatch.Frequency / 1_000;

    private readonly ExecutionContext? _context = ExecutionContext.Capture();
    private string? _name = thread.Name;
    private long _interruptDroppedAt;

    /// <summary>Gives the thread another name, which it keeps.</summary>
    internal void Rename(string name)
    {
        _name = name;
        thread.Name = name;
    }

    /// <summary>Restores the thread after a callback.</summary>
    internal void Restore(long now)
    {
        Debug.Assert(thread == Thread.CurrentThread, "A thread restores itself.");
        if (now - _interruptDroppedAt >= s_millisecond)
        {
            // Looking for one costs a tenth of a microsecond and a lock of the runtime's, so not after each of many
            // short callbacks.
            _interruptDroppedAt = now;
            Uninterrupted.DropInterrupt();
        }

        if (!thread.IsBackground)
        {
            thread.IsBackground = true;
        }

        if (thread.Priority != ThreadPriority.Normal)
        {
            thread.Priority = ThreadPriority.Normal;
        }

        if (ExecutionContext.IsFlowSuppressed())
        {
            ExecutionContext.RestoreFlow();
        }

        if (_context is not null && ExecutionContext.Capture() != _context)
        {
            ExecutionContext.Restore(_context);
        }

        if (SynchronizationContext.Current is not null)
        {
            SynchronizationContext.SetSynchronizationContext(null);
        }

        if (!ReferenceEquals(thread.Name, _name))
        {
            thread.Name = _name;
        }
    }
}
