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
internal abstract class IoSource : LoopEntry<IoSource>
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

    /// <summary>Asserts that the caller may touch what belongs to the owner of the loop.</summary>
    [Conditional("DEBUG")]
    protected void AssertOwner() => Loop.AssertOwner();

    /// <summary>Handles what is ready.</summary>
    internal abstract Completion OnReady(uint events);

    /// <summary>Handles commands.</summary>
    internal abstract Completion OnCommand(LoopCommand command);

    /// <summary>The time has come that was given to <see cref="EventLoop.SetTimer"/>.</summary>
    internal virtual Completion OnTimer(long now) => Completion.None;

    /// <summary>Goes to another loop if nothing is under way. Afterwards it belongs to that loop's owner.</summary>
    internal virtual bool TryMigrateTo(EventLoop destination) => false;

    /// <summary>Releases the descriptor, after the last event of the iteration.</summary>
    internal abstract Completion OnClose();

    /// <summary>
    /// Does without <see cref="RunCallbacks"/> if there is nothing in the completion for user code on this thread.
    /// </summary>
    internal virtual bool TryQueueCallbacks(in Completion completion) => false;

    /// <summary>Reports to the application, the log and the pools. Any thread; user code runs here.</summary>
    internal abstract void RunCallbacks(in Completion completion);

    /// <summary>
    /// Something unexpected was thrown for the source: it costs the source, not the loop. Any thread.
    /// </summary>
    internal abstract void Fail(Exception cause);

    /// <summary>Sends what a callback has flushed and its thread has not sent yet. Any thread.</summary>
    internal virtual void SendDeferred()
    {
    }

    /// <summary>
    /// As <see cref="SendDeferred"/>, with no user code on the calling thread, which watches over all others.
    /// </summary>
    internal virtual void SendFromMonitor()
        => ThreadPool.UnsafeQueueUserWorkItem(LoopThread.SendDeferred, this, preferLocal: false);

    /// <summary>What a log calls the source: an id and an endpoint. Any thread.</summary>
    internal virtual (string Id, object? EndPoint) Describe() => ("(none)", null);

    /// <summary>
    /// True if the source's callbacks run where their cost says, so that some of them wait for each other.
    /// </summary>
    internal virtual bool IsAdaptive => false;

    /// <summary>True if it is worth a system call to learn what a callback of the source does with its time.</summary>
    internal virtual bool MeasuresBlocking => false;

    /// <summary>A callback of the source has ended. Any thread.</summary>
    /// <param name="ticks">How long it took.</param>
    /// <param name="measured">
    /// True if time in which the thread stood still is excluded; false if it is wall-clock time.
    /// </param>
    /// <param name="waited">
    /// True if its thread was waiting for most of that time; null if that was not measured.
    /// </param>
    internal virtual void Account(long ticks, bool measured, bool? waited)
    {
    }

    /// <summary>
    /// A callback of the source has held its loop until another thread took the loop over. Any thread.
    /// </summary>
    /// <param name="computes">False if its thread is known to wait for something.</param>
    internal virtual void OnStalled(bool computes)
    {
    }
}
