using System;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>When a client sends again.</summary>
/// <param name="Least">After the answer, or after the last request if it is paced.</param>
/// <param name="Most">Any time between the two is as likely.</param>
/// <param name="Paced">Counted from the last request, if the answer has come by then.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Pause(TimeSpan Least, TimeSpan Most, bool Paced = false)
{
    internal static readonly Pause None;

    /// <summary>
    /// A paced client keeps to its times whatever it waits: if an answer comes after the next request is due, that one follows at once, and its latency counts from when it was due
    /// (otherwise a server that lets few wait for long would look better than one that lets many wait a little).
    /// </summary>
    internal bool OnTime { get; init; }

    internal bool IsNone => Most == TimeSpan.Zero;

    internal TimeSpan Draw(Random random) => Least + ((Most - Least) * random.NextDouble());
}
