namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// A source with continuations of the application, whose cost decides where they run, and which flush. Any thread.
/// </summary>
internal interface ICallbackOwner : ICallbackSource
{
    /// <summary>True if it is worth a system call to learn what a continuation does with its time.</summary>
    bool MeasuresCallbacks { get; }

    /// <summary>A callback has ended that has run a continuation.</summary>
    void OnCallbackCompleted(in CallbackTime time);

    /// <summary>A callback has held its loop until another thread took the loop over.</summary>
    /// <param name="computes">False if its thread is known to wait for something.</param>
    void OnStalled(bool computes);

    /// <summary>Sends what a callback has flushed and its thread has not sent yet.</summary>
    void SendDeferred();

    /// <summary>
    /// As <see cref="SendDeferred"/>, with no user code on the calling thread, which watches over all others.
    /// </summary>
    void SendFromMonitor();
}
