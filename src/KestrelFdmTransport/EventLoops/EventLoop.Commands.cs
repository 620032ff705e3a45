using System.Threading;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <content>What other threads leave for the loop.</content>
internal sealed partial class EventLoop
{
    /// <summary>
    /// Sources whose command is read before those that are ready have another turn; and so, at most, how many are
    /// closed in a turn.
    /// </summary>
    private const int MaxCommandsPerIteration = 256;

    private bool HasCommands => _commandsInProgress is not null || !_commands.IsEmpty;

    /// <summary>
    /// Puts a source with command into the command queue and wakes the loop if it sleeps. Any thread.
    /// </summary>
    internal void Deliver(IoSource source)
    {
        _commands.Push(source);
        WakeIfSleeping();
        if (Volatile.Read(ref _hasStopped) != 0)
        {
            QueueDrainAfterStop();
        }
    }

    private bool RunCommands(LoopThread thread)
    {
        if (_commandsInProgress is null && !_commands.IsEmpty)
        {
            _commandsInProgress = _commands.TakeAll();
        }

        for (int i = 0; i < MaxCommandsPerIteration && _commandsInProgress is { } source; i++)
        {
            // The link is read before the command is taken: afterwards another thread may push the source again.
            _commandsInProgress = source.NextQueued;
            source.NextQueued = null;
            if (TryForward(source))
            {
                continue;
            }

            _current = source;
            if (!Complete(thread, source.OnCommand(source.TakeCommands())))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// LoopCommand of a source that has moved: it has a place in one command queue at a time, and this was it.
    /// </summary>
    private bool TryForward(IoSource source)
    {
        EventLoop home = source.Loop;
        if (home == this)
        {
            return false;
        }

        home.Deliver(source);
        return true;
    }
}
