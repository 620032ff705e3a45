using System;
using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.Polling;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Something with a descriptor that a loop watches: a connection, a listen socket, an attempt to connect.
/// </summary>
/// <remarks>
/// Two kinds of members. Those of the loop's owner (<see cref="OnReady"/>, <see cref="OnCommand"/>,
/// <see cref="OnTimer"/>, <see cref="OnClose"/>) run no user code: they return a <see cref="Completion"/>.
/// <see cref="RunCallbacks"/> runs user code, and so may take for ever; the loop may have another owner before it
/// returns. Nothing in it may touch what belongs to the owner.
/// </remarks>
internal abstract class IoSource : LoopEntry<IoSource>, ICallbackSource
{
    private int _pendingCommands;
    private EventLoop _loop = null!;

    /// <summary>
    /// The loop that owns the source. Set before the source is registered; afterwards its owner alone may give it away.
    /// </summary>
    internal EventLoop Loop
    {
        get => Volatile.Read(ref _loop);
        set => Volatile.Write(ref _loop, value);
    }

    /// <summary>The live counter that the source begins with on its loop.</summary>
    internal byte FirstCounter { get; set; } = PollingPolicy.CounterStart;

    /// <summary>Leaves a message for the loop's owner. Any thread.</summary>
    internal void Post(LoopCommand command)
    {
        if (Interlocked.Or(ref _pendingCommands, (int)command) == 0)
        {
            Loop.Deliver(this);
        }
    }

    /// <summary>Takes all messages; from here on a new one puts the source into the command queue again.</summary>
    internal LoopCommand TakeCommands() => (LoopCommand)Interlocked.Exchange(ref _pendingCommands, 0);

    /// <summary>
    /// Forwards the commands of a source that has migrated. It is in one command queue at a time, and this was it.
    /// </summary>
    internal bool TryForward(EventLoop from)
    {
        EventLoop home = Loop;
        if (home == from)
        {
            return false;
        }

        home.Deliver(this);
        return true;
    }

    /// <summary>
    /// Asserts that the caller may touch what belongs to the owner of the loop. Before it has a slot, a source belongs
    /// to the thread that made it.
    /// </summary>
    [Conditional("DEBUG")]
    internal void AssertOwner()
    {
        if (Token != 0)
        {
            Loop.AssertOwner();
        }
    }

    /// <summary>Handles what is ready.</summary>
    internal abstract Completion OnReady(uint events);

    /// <summary>Handles commands.</summary>
    internal abstract Completion OnCommand(LoopCommand command);

    /// <summary>The delay is over that was given to <see cref="EventLoop.SetTimer"/>.</summary>
    internal virtual Completion OnTimer() => OnCommand(LoopCommand.Resume);

    /// <summary>Releases the descriptor, after the last event of the iteration.</summary>
    internal abstract Completion OnClose();

    /// <summary>Reports to the application, the log and the pools. Any thread; user code runs here.</summary>
    internal abstract void RunCallbacks(in Completion completion);

    /// <summary>
    /// Something unexpected was thrown for the source: it costs the source, not the loop. Any thread.
    /// </summary>
    internal abstract void Fail(Exception cause);

    /// <summary>What a log calls the source: an id and an endpoint. Any thread.</summary>
    internal virtual (string Id, object? EndPoint) Describe() => ("(none)", null);

    void ICallbackSource.Fail(Exception cause) => Fail(cause);

    (string Id, object? EndPoint) ICallbackSource.Describe() => Describe();

    /// <summary>Delivers a completion to its source.</summary>
    internal readonly ref struct Delivery(IoSource source, ref readonly Completion completion) : IUserCode
    {
        private readonly ref readonly Completion _completion = ref completion;

        public void Run()
        {
            if (_completion.HasFlag(CompletionFlags.Faulted))
            {
                UserCode.Fail(source, _completion.Error!);
            }
            else
            {
                source.RunCallbacks(_completion);
            }
        }
    }
}
