using System;
using Microsoft.Win32.SafeHandles;

namespace KestrelFdmTransport.Interop;

/// <summary>
/// A descriptor that threads other than its closer may use: each use holds a reference, so the number stays ours.
/// </summary>
internal sealed class SafeFileDescriptor : SafeHandleMinusOneIsInvalid
{
    internal SafeFileDescriptor(int descriptor)
        : base(ownsHandle: true)
        => SetHandle(descriptor);

    internal int Value => (int)DangerousGetHandle();

    /// <summary>Owns what a system call has returned, or throws its error.</summary>
    /// <param name="result">The descriptor, or a negated error number.</param>
    internal static SafeFileDescriptor FromResult(int result)
        => result >= 0 ? new SafeFileDescriptor(result) : throw SocketErrors.Exception(-result);

    /// <summary>Takes a reference; false once the descriptor is closed or about to be.</summary>
    internal bool TryAcquire()
    {
        bool acquired = false;
        try
        {
            DangerousAddRef(ref acquired);
        }
        catch (ObjectDisposedException)
        {
        }

        return acquired;
    }

    internal void Release() => DangerousRelease();

    protected override bool ReleaseHandle() => Sys.Close((int)handle) == 0;
}
