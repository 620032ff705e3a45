using System;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// What a loop's owner has found out about a source and has not told anybody yet, because telling runs user code. It
/// travels by value, so that a new owner, who may serve the same source meanwhile, cannot mix its own into it.
/// </summary>
/// <param name="Flags">What there is to tell; the source's own bits above <see cref="NeedsBuffer"/>.</param>
/// <param name="Subject">An object that goes with it.</param>
/// <param name="Error">An error that goes with it.</param>
internal readonly record struct Completion(int Flags, object? Subject = null, Exception? Error = null)
{
    /// <summary>
    /// The source cannot be served before <see cref="IoSource.RunCallbacks"/> has fetched memory for it.
    /// </summary>
    internal const int NeedsBuffer = 1;

    /// <summary>Serving the source threw <see cref="Error"/>.</summary>
    internal const int Faulted = 2;

    /// <summary>The loop is ending.</summary>
    internal const int LoopStopping = 4;

    /// <summary>The first bit that a source may give a meaning.</summary>
    internal const int FirstOfSource = 8;

    internal static Completion None => default;

    internal bool IsEmpty => Flags == 0;

    internal bool HasFlag(int kind) => (Flags & kind) != 0;
}
