using System;
using System.Runtime.InteropServices;
using KestrelFdmTransport.Buffers;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// What a loop's owner has found out about a source. It is delivered by <see cref="IoSource.RunCallbacks"/>, because
/// that runs user code. It travels by value: a new owner may dispatch the same source meanwhile, and has a completion
/// of its own.
/// </summary>
/// <param name="Flags">What has happened.</param>
/// <param name="Sent">Blocks that have been sent.</param>
/// <param name="Duration">How long a pause or an idle timeout is.</param>
/// <param name="Errno">The error number of a system call.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Completion(
    CompletionFlags Flags,
    Exception? Error = null,
    BufferSegment? Sent = null,
    TimeSpan Duration = default,
    int Errno = 0)
{
    internal static Completion None => default;

    internal bool IsEmpty => Flags == CompletionFlags.None;

    /// <summary>True if any of the flags is set.</summary>
    internal bool HasFlag(CompletionFlags flags) => (Flags & flags) != CompletionFlags.None;

    /// <summary>The same, and these flags as well.</summary>
    internal Completion With(CompletionFlags flags) => this with { Flags = Flags | flags };
}
