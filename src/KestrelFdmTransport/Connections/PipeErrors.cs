using System;
using System.Diagnostics.CodeAnalysis;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The exceptions of <see cref="System.IO.Pipelines.Pipe"/> with the same text, because applications match on it.
/// </summary>
internal static class PipeErrors
{
    internal static InvalidOperationException ConcurrentOperations()
        => new("Concurrent reads or writes are not supported.");

    [DoesNotReturn]
    internal static void ThrowReadingAfterCompleted()
        => throw new InvalidOperationException("Reading is not allowed after reader was completed.");

    [DoesNotReturn]
    internal static void ThrowReadingInProgress()
        => throw new InvalidOperationException("Reading is already in progress.");

    [DoesNotReturn]
    internal static void ThrowNoReadToComplete()
        => throw new InvalidOperationException("No reading operation to complete.");

    [DoesNotReturn]
    internal static void ThrowInvalidExaminedOrConsumed() => throw new InvalidOperationException(
        "The examined position must be greater than or equal to the consumed position.");

    [DoesNotReturn]
    internal static void ThrowInvalidCursor()
        => throw new InvalidOperationException("The PipeReader has already advanced past the provided position.");

    [DoesNotReturn]
    internal static void ThrowGetResultBeforeCompleted()
        => throw new InvalidOperationException("Can't GetResult unless awaiter is completed.");

    [DoesNotReturn]
    internal static void ThrowWritingAfterCompleted()
        => throw new InvalidOperationException("Writing is not allowed after writer was completed.");

    [DoesNotReturn]
    internal static void ThrowOutOfRange(string name) => throw new ArgumentOutOfRangeException(name);
}
