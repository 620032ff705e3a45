using System;

namespace KestrelFdmTransport.EventLoops;

/// <summary>
/// What a loop's owner has found out about a source and has not told anybody yet, because telling runs foreign code. It
/// travels by value, so that a new owner, who may serve the same source meanwhile, cannot mix its own into it.
/// </summary>
/// <param name="Kinds">What there is to tell; the source's own bits above <see cref="MemoryWanted"/>.</param>
/// <param name="Subject">An object that goes with it.</param>
/// <param name="Error">An error that goes with it.</param>
internal readonly record struct Notice(int Kinds, object? Subject = null, Exception? Error = null)
{
    /// <summary>The source cannot be served before <see cref="IoSource.Tell"/> has fetched memory for it.</summary>
    internal const int MemoryWanted = 1;

    /// <summary>Serving the source threw <see cref="Error"/>.</summary>
    internal const int Failed = 2;

    /// <summary>The loop is ending.</summary>
    internal const int Stopped = 4;

    /// <summary>The first bit that a source may give a meaning.</summary>
    internal const int FirstOwn = 8;

    internal static Notice Nothing => default;

    internal bool IsNothing => Kinds == 0;

    internal bool Has(int kind) => (Kinds & kind) != 0;
}
