using System;
using KestrelFdmTransport.Interop;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>One epoll instance, the events of its last wait, and what wakes the thread that waits.</summary>
internal sealed class Poller : IDisposable
{
    private const int MaxEvents = 512;
    private const ulong WakeToken = ulong.MaxValue;

    private readonly EpollEventBuffer _events = new(MaxEvents);
    private readonly SafeFileDescriptor _epoll = SafeFileDescriptor.FromResult(Sys.EpollCreate());

    internal Poller(string loop, ILogger logger)
    {
        try
        {
            Waker = new LoopWaker(loop, logger);

            // Edge-triggered and never read: each write is an edge, and no machine runs long enough to overflow the
            // counter.
            int added =
                Sys.EpollAdd(_epoll.Value, Waker.Descriptor, EpollFlags.In | EpollFlags.EdgeTriggered, WakeToken);
            if (added < 0)
            {
                throw SocketErrors.Exception(-added);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal LoopWaker Waker { get; }

    /// <summary>The highest number of its descriptors.</summary>
    internal int HighestDescriptor => Math.Max(_epoll.Value, Waker.Descriptor);

    public void Dispose()
    {
        _epoll.Dispose();
        Waker?.Dispose();
    }

    /// <summary>Waits for events.</summary>
    /// <param name="timeout">In milliseconds; -1 for ever.</param>
    /// <returns>The number of events, or a negated error number.</returns>
    internal int Wait(int timeout) => Sys.EpollWait(_epoll.Value, _events, timeout);

    internal uint Events(int index) => _events.Events(index);

    /// <summary>False if the event is the waker's.</summary>
    internal bool IsSource(int index, out ulong token)
    {
        token = _events.Payload(index);
        return token != WakeToken;
    }

    /// <summary>Adds a descriptor. Any thread.</summary>
    /// <returns>Zero, or a negated error number.</returns>
    internal int Add(int descriptor, uint events, ulong token)
        => _epoll.TryAcquire() ? Released(Sys.EpollAdd(_epoll.Value, descriptor, events, token)) : -Errno.EBADF;

    /// <summary>Removes a descriptor. Any thread.</summary>
    /// <returns>Zero, or a negated error number.</returns>
    internal int Remove(int descriptor)
        => _epoll.TryAcquire() ? Released(Sys.EpollDelete(_epoll.Value, descriptor)) : -Errno.EBADF;

    private int Released(int result)
    {
        _epoll.Release();
        return result;
    }
}
