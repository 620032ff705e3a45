using System;
using System.IO.Pipelines;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>One direction under test: a <see cref="PipeWriter"/> whose bytes end in a sink.</summary>
/// <remarks>The sink takes nothing by itself: <see cref="Drain"/> alone consumes. It is called by one thread.</remarks>
internal interface IWriterSubject : IAsyncDisposable
{
    PipeWriter Writer { get; }

    /// <summary>
    /// True: what is flushed and not drained is what counts against the pause threshold. False: up to
    /// <see cref="Slack"/> bytes may be on their way (kernel buffers), so a duel visits only states in which pending or
    /// complete is certain, and a flush that must complete may do so a moment later.
    /// </summary>
    bool ExactBackPressure { get; }

    /// <summary>
    /// The most bytes that can be neither in the writer nor drained. Ignored if <see cref="ExactBackPressure"/>.
    /// </summary>
    int Slack { get; }

    /// <summary>
    /// Does <see cref="Drain"/> return 0 without delay once the writer is completed and everything is drained?
    /// </summary>
    bool SinkSeesEnd { get; }

    /// <summary>
    /// True: once the writer is completed, the other end completes too when everything has left, as a transport's does.
    /// A duel then asks for no flush after <c>Complete</c>: its result depends on the moment.
    /// </summary>
    bool EndsWithTheWriter => false;

    /// <summary>
    /// How long something that must happen may take. Zero if continuations run inside the call that causes them.
    /// </summary>
    TimeSpan Patience { get; }

    /// <summary>
    /// Takes bytes from the sink until the destination is full, nothing more can come, or <see cref="Patience"/> is
    /// over. Returns how many.
    /// </summary>
    int Drain(Span<byte> destination);

    /// <summary>
    /// Like <c>Complete(error)</c> on the pipe's other end, at most once. Returns when the writer can see it.
    /// </summary>
    void EndOfOutput(Exception? error);

    /// <summary>Is this what the writer throws after <c>EndOfOutput(given)</c>?</summary>
    bool IsOutputError(Exception exception, Exception given) => ReferenceEquals(exception, given);
}
