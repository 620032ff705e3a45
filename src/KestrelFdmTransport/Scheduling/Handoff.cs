using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Scheduling;

/// <summary>A loop that a standby is to take from a callback.</summary>
/// <param name="Loop">The loop.</param>
/// <param name="Scope">The thread that has it.</param>
/// <param name="Word">The callback; if the thread is past it, there is nothing to take.</param>
/// <param name="Source">What the callback serves.</param>
/// <param name="Duration">How long the callback has held the loop, as far as that counts, in ticks.</param>
/// <param name="Verdict">What the callback does.</param>
internal sealed record Handoff(
    EventLoop Loop, LoopThread Scope, long Word, IoSource? Source, long Duration, StallVerdict Verdict);
