using System;
using System.Threading;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// Keeps clients from taking the process's last descriptors. Without any, the process cannot open a file, and the .NET
/// runtime may fail to start a thread, which ends the process.
/// </summary>
/// <remarks>
/// The kernel gives out the lowest free number (POSIX), so a new number close to the limit shows that all below it are
/// taken.
/// </remarks>
internal sealed class DescriptorHeadroom
{
    private const int Minimum = 16;

    /// <summary>
    /// 0 until it is first read. Not read in the constructor: a transport can be created where there is no libc, and
    /// then leaves everything to Sockets.
    /// </summary>
    private long _limit;

    /// <summary>
    /// Each loop notices the limit by a number of its own, so before the last one pauses, one number per loop may lie
    /// beyond the line.
    /// </summary>
    internal DescriptorHeadroom(int loops) => Reserved = Math.Max(Minimum, 2 * loops);

    /// <summary>Descriptors that are reserved for the rest of the process.</summary>
    internal int Reserved { get; }

    /// <summary>The process's limit of descriptors; known after the first <see cref="IsAmple"/>.</summary>
    internal long Limit => Volatile.Read(ref _limit);

    /// <summary>True if a descriptor with this number leaves enough for the rest of the process.</summary>
    internal bool IsAmple(int descriptor)
    {
        if (descriptor < Volatile.Read(ref _limit) - Reserved)
        {
            return true;
        }

        // The limit may have been raised since.
        Volatile.Write(ref _limit, Sys.DescriptorLimit());
        return descriptor < _limit - Reserved;
    }

    /// <summary>Checks the number of the next descriptor, and whether the poller could watch it.</summary>
    /// <returns>Zero if accepting may continue, or a negated error number.</returns>
    internal int Probe(Poller poller)
    {
        int descriptor = Sys.CreateEventFd();
        if (descriptor < 0)
        {
            return descriptor;
        }

        int result = IsAmple(descriptor) ? poller.Add(descriptor, 0, 0) : -Errno.EMFILE;

        // The close takes it out of the epoll: it has no other descriptor.
        Sys.Close(descriptor);
        return Math.Min(result, 0);
    }
}
