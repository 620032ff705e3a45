using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Scheduling;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Runs the commands that come to a loop that has stopped: of a connection that another loop has given to it at the
/// last moment, or of one whose last sender leaves late.
/// </summary>
internal sealed class AfterStop(EventLoop loop, CommandQueue<IoSource> commands, LoopSources sources, ILogger logger)
{
    private const int NotYet = 0;
    private const int Stopped = 1;
    private const int Draining = 2;

    private int _state;

    /// <summary>True once the loop has no owner any more.</summary>
    internal bool HasBegun => Volatile.Read(ref _state) != NotYet;

    /// <summary>
    /// From here on a thread of the pool runs the commands. The poster and this thread write first and then look (full
    /// fences).
    /// </summary>
    internal void Begin()
    {
        Interlocked.Exchange(ref _state, Stopped);
        Drain();
    }

    /// <summary>
    /// Drains on a thread of the pool: callbacks are user code, and the poster may be the monitor, another loop's owner
    /// outside any callback, or hold a lock.
    /// </summary>
    internal void QueueDrain()
        => ThreadPool.UnsafeQueueUserWorkItem(static after => after.Drain(), this, preferLocal: false);

    /// <summary>Runs all commands and closes, with no owner from which the loop could be taken over.</summary>
    internal void DrainOnce()
    {
        commands.Take();
        while (commands.TryDequeue(out IoSource? source))
        {
            if (!source.TryForward(loop))
            {
                Run(source, static source => source.OnCommand(source.TakeCommands()));
            }
        }

        while (sources.TryTakeClosing(out IoSource? source))
        {
            Run(source, static source => source.OnClose());
        }
    }

    internal static void Run(IoSource source, Func<IoSource, Completion> step)
    {
        try
        {
            Completion completion = step(source);
            if (!completion.IsEmpty)
            {
                source.RunCallbacks(completion);
            }
        }
        catch (Exception exception)
        {
            UserCode.Fail(source, exception);
        }
    }

    /// <summary>
    /// One thread at a time. It looks once more after it has said that it is done, for one that came meanwhile and
    /// left.
    /// </summary>
    private void Drain()
    {
        while (!commands.IsEmpty && Interlocked.CompareExchange(ref _state, Draining, Stopped) == Stopped)
        {
            try
            {
                DrainOnce();
            }
            catch (Exception exception)
            {
                Log.LoopNotEnded(logger, loop.Name, exception);
            }
            finally
            {
                Interlocked.Exchange(ref _state, Stopped);
            }
        }
    }
}
