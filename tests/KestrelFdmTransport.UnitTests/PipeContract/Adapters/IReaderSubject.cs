using System;
using System.IO.Pipelines;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>One direction under test: bytes from a feeder to a <see cref="PipeReader"/>.</summary>
/// <remarks>The feeder's methods are called by one thread, never while one of them runs.</remarks>
internal interface IReaderSubject : IAsyncDisposable
{
    PipeReader Reader { get; }

    /// <summary>
    /// True: what one <see cref="Feed"/> brings becomes visible in one step and is never held back. False: it may
    /// become visible in pieces, and once the pause threshold of unexamined bytes is reached the rest may be held back
    /// until less than half of it is left or a <c>ReadAtLeastAsync</c> waits for more.
    /// </summary>
    bool ExactBackPressure { get; }

    /// <summary>
    /// How far the visible unexamined bytes may exceed the pause threshold (or the largest minimum asked for).
    /// Ignored if <see cref="ExactBackPressure"/>.
    /// </summary>
    int ReadAheadSlack { get; }

    PipeQuirks Quirks { get; }

    /// <summary>
    /// True: once the reader is completed, the other end completes too when it notices, as a transport's does. A duel
    /// then does not look at a pending read after <c>Complete</c>: whether it completes depends on the moment.
    /// </summary>
    bool EndsWithTheReader => false;

    /// <summary>
    /// How long something that must happen may take. Zero if continuations run inside the call that causes them.
    /// </summary>
    TimeSpan Patience { get; }

    /// <summary>
    /// Returns when the bytes are visible to the reader, or held back because it is paused, or refused because it is
    /// completed. Never more than the pause threshold and <see cref="ReaderComparison.FeedAllowance"/> bytes are fed
    /// but unexamined.
    /// </summary>
    void Feed(ReadOnlySpan<byte> bytes);

    /// <summary>
    /// Called after each operation: returns when everything fed is visible, or held back by a pause that stands, or
    /// refused. An <c>AdvanceTo</c> that ends a pause is the operation that makes this necessary.
    /// </summary>
    void Settle();

    /// <summary>
    /// Like <c>Complete(error)</c> on the pipe's other end, at most once. Returns when visible; without an error it may
    /// also stay behind bytes that are held back.
    /// </summary>
    void EndOfInput(Exception? error);

    /// <summary>Is this what the reader throws after <c>EndOfInput(given)</c>?</summary>
    bool IsInputError(Exception exception, Exception given) => ReferenceEquals(exception, given);
}
