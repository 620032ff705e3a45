using System;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Wakes the owner of a loop from <c>epoll_wait</c>, by an eventfd that is written only if the loop sleeps.
/// </summary>
/// <remarks>
/// A poster pushes its command and then reads the word; the loop writes the word and then looks into its command queue.
/// Both sides have a full fence between their two steps, so a command that the loop misses finds a loop that is seen to
/// sleep.
/// </remarks>
internal sealed class LoopWaker(string loop, ILogger logger) : IDisposable
{
    private static readonly TimeSpan s_retryDelay = TimeSpan.FromMilliseconds(1);

    private readonly SafeFileDescriptor _eventFd = SafeFileDescriptor.FromResult(Sys.CreateEventFd());
    private int _sleeping;
    private int _failureLogged;
    private int _retries;

    internal int Descriptor => _eventFd.Value;

    /// <summary>True while the kernel refuses to wake the loop.</summary>
    internal bool IsRefused => Volatile.Read(ref _retries) > 0;

    public void Dispose() => _eventFd.Dispose();

    /// <summary>The loop is about to sleep, unless it finds a command now.</summary>
    internal void BeginSleep() => Interlocked.Exchange(ref _sleeping, 1);

    internal void EndSleep() => Volatile.Write(ref _sleeping, 0);

    internal void WakeIfSleeping()
    {
        if (Volatile.Read(ref _sleeping) != 0 && Interlocked.Exchange(ref _sleeping, 0) != 0 && _eventFd.TryAcquire())
        {
            int result = Sys.WriteEventFd(_eventFd.Value);
            _eventFd.Release();

            // With EAGAIN it has been signalled as often as can be counted, and wakes up.
            if (result < 0 && result != -Errno.EAGAIN)
            {
                _ = RetryAsync(-result);
            }
        }
    }

    /// <summary>The thread that took the word could not wake the loop, and no other thread would try.</summary>
    private async Task RetryAsync(int errno)
    {
        Interlocked.Increment(ref _retries);
        BeginSleep();
        await Task.Delay(s_retryDelay).ConfigureAwait(false);
        WakeIfSleeping();
        Interlocked.Decrement(ref _retries);
        if (Interlocked.Exchange(ref _failureLogged, 1) == 0)
        {
            Log.WakeUpFailed(logger, loop, SocketErrors.Exception(errno));
        }
    }
}
