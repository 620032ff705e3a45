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

    internal bool IsNone => Most == TimeSpan.Zero;

    internal TimeSpan Draw(Random random) => Least + ((Most - Least) * random.NextDouble());
}
