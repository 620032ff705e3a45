using System;

namespace KestrelFdmTransport.Scheduling;

/// <summary>An event loop as its threads and the monitor see it.</summary>
internal interface IHandoffTarget
{
    string Name { get; }

    /// <summary>True if a standby thread may take the loop over from a callback that holds it. Any thread.</summary>
    bool AllowsHandoff { get; }

    /// <summary>True while callbacks have held the loop so often that none runs on it. Any thread.</summary>
    bool IsStalling { get; }

    /// <summary>How long a callback may hold the loop.</summary>
    TimeSpan StallThreshold { get; }

    /// <summary>
    /// Dispatches a standby thread to take the loop over; false if there is none and none may be started. Monitor only.
    /// </summary>
    bool TryDispatch(Handoff handoff);

    /// <summary>Runs the loop until it ends or this thread loses it.</summary>
    /// <param name="handoff">How the calling thread has got the loop; null for the first owner.</param>
    /// <returns>True if the loop has ended, false if another thread owns it now.</returns>
    bool Run(LoopThread thread, Handoff? handoff);
}
