using System;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// Has system calls of one kind fail until it is disposed. For tests that run alone: the calls are those of the whole
/// process.
/// </summary>
internal sealed class Faults : IDisposable
{
    private static readonly Dictionary<string, int> s_errors = new(StringComparer.Ordinal)
    {
        ["EPERM"] = 1,
        ["ENOENT"] = 2,
        ["EINTR"] = 4,
        ["EIO"] = 5,
        ["EBADF"] = 9,
        ["EAGAIN"] = 11,
        ["ENOMEM"] = 12,
        ["EACCES"] = 13,
        ["EFAULT"] = 14,
        ["EEXIST"] = 17,
        ["EINVAL"] = 22,
        ["ENFILE"] = 23,
        ["EMFILE"] = 24,
        ["EFBIG"] = 27,
        ["ENOSPC"] = 28,
        ["EPIPE"] = 32,
        ["ENOSYS"] = 38,
        ["ELOOP"] = 40,
        ["ENOSR"] = 63,
        ["ENONET"] = 64,
        ["EPROTO"] = 71,
        ["ENOTSOCK"] = 88,
        ["EDESTADDRREQ"] = 89,
        ["EMSGSIZE"] = 90,
        ["ENOPROTOOPT"] = 92,
        ["EPROTONOSUPPORT"] = 93,
        ["ESOCKTNOSUPPORT"] = 94,
        ["EOPNOTSUPP"] = 95,
        ["ENETDOWN"] = 100,
        ["ENETUNREACH"] = 101,
        ["ECONNABORTED"] = 103,
        ["ECONNRESET"] = 104,
        ["ENOBUFS"] = 105,
        ["EISCONN"] = 106,
        ["ENOTCONN"] = 107,
        ["ETIMEDOUT"] = 110,
        ["ECONNREFUSED"] = 111,
        ["EHOSTDOWN"] = 112,
        ["EHOSTUNREACH"] = 113,
        ["EALREADY"] = 114,
        ["EDQUOT"] = 122,
    };

    private readonly Syscall _call;
    private readonly int _errno;
    private readonly int _first;
    private readonly int _step;
    private int _calls;
    private int _failed;

    /// <param name="call">The calls.</param>
    /// <param name="error">The name of the error.</param>
    /// <param name="first">The first that fails, from 1.</param>
    /// <param name="step">Every which after it fails as well; 0 for none.</param>
    public Faults(Syscall call, string error, int first, int step = 0)
    {
        _call = call;
        _errno = s_errors[error];
        _first = first;
        _step = step;
        SyscallFaultInjection.Handler = Strike;
    }

    public int Errno => _errno;

    public int Calls => Volatile.Read(ref _calls);

    public int Failed => Volatile.Read(ref _failed);

    public void Dispose() => SyscallFaultInjection.Handler = null;

    private int Strike(Syscall call, int descriptor)
    {
        if (call != _call)
        {
            return 0;
        }

        int number = Interlocked.Increment(ref _calls) - _first;
        if (number != 0 && (number < 0 || _step == 0 || number % _step != 0))
        {
            return 0;
        }

        Interlocked.Increment(ref _failed);
        return _errno;
    }
}
