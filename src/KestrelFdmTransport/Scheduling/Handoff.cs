namespace KestrelFdmTransport.Scheduling;

/// <summary>A loop that a standby thread is to take over from a callback.</summary>
/// <param name="Owner">The ownership word of the thread that owns it.</param>
/// <param name="Word">
/// The word's value in the callback; if the thread has left the callback, there is nothing to take.
/// </param>
/// <param name="Source">The source of the callback.</param>
/// <param name="Duration">How long the callback has held the loop, in ticks that count.</param>
/// <param name="Verdict">What the callback does.</param>
internal sealed record Handoff(
    IHandoffTarget Loop,
    OwnershipWord Owner,
    long Word,
    ICallbackSource? Source,
    long Duration,
    StallVerdict Verdict);
