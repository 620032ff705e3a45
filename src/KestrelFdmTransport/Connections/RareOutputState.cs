namespace KestrelFdmTransport.Connections;

/// <summary>As <see cref="RareEndState"/>; and a flush seldom has to wait.</summary>
internal sealed class RareOutputState : RareEndState
{
    /// <summary>A field: it is worked on in place.</summary>
    internal WaitingContinuation Waiter;
}
