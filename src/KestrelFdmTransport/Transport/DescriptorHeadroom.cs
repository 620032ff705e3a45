using System.Threading;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Transport;

/// <summary>
/// Keeps clients from taking the process's last descriptors. Without any, it can open no file, and the .NET runtime may fail to
/// start a thread, which ends the process.
/// </summary>
/// <remarks>
/// The kernel gives out the lowest free number (POSIX), so a new number close to the limit says that all below it are taken.
/// </remarks>
internal sealed class DescriptorHeadroom
{
    /// <summary>Descriptors left to the rest of the process.</summary>
    private const int Reserved = 16;

    private long _limit = Sys.DescriptorLimit();

    /// <summary>True if a descriptor with this number leaves enough for the rest of the process.</summary>
    internal bool IsAmple(int descriptor)
    {
        if (descriptor < Volatile.Read(ref _limit) - Reserved)
        {
            return true;
        }

        // Somebody may have raised the limit since.
        Volatile.Write(ref _limit, Sys.DescriptorLimit());
        return descriptor < _limit - Reserved;
    }

    /// <summary>Looks at the number that the next descriptor would get.</summary>
    /// <returns>Zero if accepting may go on, or a negated error number.</returns>
    internal int Probe()
    {
        int descriptor = Sys.EventDescriptor();
        if (descriptor < 0)
        {
            return descriptor;
        }

        bool ample = IsAmple(descriptor);
        Sys.Close(descriptor);
        return ample ? 0 : -Errno.EMFILE;
    }
}
