using System.Diagnostics;
using System.Threading;
using KestrelFdmTransport.EventLoops;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>
/// The place of a listen descriptor in the epoll of one loop. It changes under the lock of the <see cref="Acceptor"/>.
/// </summary>
internal sealed class ListenRegistration(IoSource source, int descriptor, Lock @lock)
{
    private const uint Events = EpollFlags.In | EpollFlags.Exclusive;

    private State _state;
    private bool _hasSlot;

    private enum State
    {
        /// <summary>Not in the epoll: no room in the accept queue, or no descriptors.</summary>
        Paused,

        Active,

        Stopped,
    }

    internal bool IsPaused => _state == State.Paused;

    internal bool IsActive => _state == State.Active;

    internal bool IsStopped => _state == State.Stopped;

    /// <summary>Adds the descriptor to the epoll.</summary>
    internal void Resume()
    {
        Debug.Assert(@lock.IsHeldByCurrentThread, "The registration changes under the lock.");

        // Unless it succeeds.
        _state = State.Paused;
        int result;
        if (_hasSlot)
        {
            result = source.Loop.Rearm(descriptor, Events, source.Token);
            if (result == -Errno.EEXIST)
            {
                // It has not left before. It has to, for its place among the other loops.
                source.Loop.Disarm(descriptor);
                result = source.Loop.Rearm(descriptor, Events, source.Token);
                result = result == -Errno.EEXIST ? 0 : result;
            }
        }
        else
        {
            result = source.Loop.Register(source, descriptor, Events);
            _hasSlot = result >= 0;
        }

        if (result < 0)
        {
            throw SocketErrors.Exception(-result);
        }

        _state = State.Active;
    }

    /// <summary>Removes the descriptor from the epoll until <see cref="Resume"/>.</summary>
    internal void Pause()
    {
        Leave();
        _state = State.Paused;
    }

    /// <summary>Removes the descriptor from the epoll for good. Any thread.</summary>
    internal void Stop()
    {
        Leave();
        _state = State.Stopped;
    }

    /// <summary>Puts the loop behind the others: the kernel wakes the waiter that came last first.</summary>
    internal void MoveToEnd()
    {
        Leave();
        Resume();
    }

    /// <summary>Gives the slot back.</summary>
    internal void ReleaseSlot()
    {
        source.AssertOwner();
        if (_hasSlot)
        {
            _hasSlot = false;
            source.Loop.Deregister(source);
        }
    }

    private void Leave()
    {
        Debug.Assert(@lock.IsHeldByCurrentThread, "The registration changes under the lock.");
        if (_state == State.Active)
        {
            source.Loop.Disarm(descriptor);
        }
    }
}
