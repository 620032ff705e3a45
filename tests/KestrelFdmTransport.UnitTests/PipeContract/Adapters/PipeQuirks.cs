using System;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Behaviour of <see cref="System.IO.Pipelines.Pipe"/> that is defined by its code and by nothing else, and that a
/// subject may decline to copy. A duel never enters a state that depends on a quirk its subject does not have.
/// </summary>
[Flags]
internal enum PipeQuirks
{
    None = 0,

    /// <summary>
    /// <c>ReadAsync</c> stays pending although unexamined bytes are there, until more come: after a cancelled
    /// <c>ReadAtLeastAsync</c> that was not satisfied, and after a cancelled read whose <c>AdvanceTo</c> moves examined
    /// back. <c>TryRead</c> returns those bytes.
    /// </summary>
    StrandsUnexaminedBytes = 1,

    /// <summary>
    /// A read that throws "Reading is already in progress." uses up an earlier <c>CancelPendingRead</c>.
    /// </summary>
    RefusedReadUsesUpCancellation = 2,

    /// <summary>
    /// The feeder is not paused when it passes the threshold while a <c>ReadAtLeastAsync</c> waits for more, and after
    /// that not until the unexamined bytes have been fewer than the threshold again.
    /// </summary>
    MayNotPauseAfterReadAtLeast = 4,

    /// <summary>
    /// What the pipe completes at once may complete a moment later, and a <c>TryRead</c> may return nothing once
    /// although there are bytes, so that others can run. No quirk of a pipe's, so not one of <see cref="All"/>.
    /// </summary>
    TakesTurns = 8,

    All = StrandsUnexaminedBytes | RefusedReadUsesUpCancellation | MayNotPauseAfterReadAtLeast,
}
