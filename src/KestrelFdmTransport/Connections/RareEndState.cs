using System.Runtime.ExceptionServices;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.Connections;

/// <summary>What most ends of a pipe never need, made when one does: an idle connection is the smaller for it.</summary>
internal class RareEndState
{
    internal RareEndState() => FaultPoints.Reach(FaultPoint.RareStateMade);

    /// <summary>The token of the running wait.</summary>
    internal WaitCancellation? Cancellation { get; set; }

    /// <summary>What the transport has ended the pipe with. Written before the end is published.</summary>
    internal ExceptionDispatchInfo? EndError { get; set; }

    /// <summary>What the application has completed its end with. Written before that is published.</summary>
    internal ExceptionDispatchInfo? CompletionError { get; set; }
}
