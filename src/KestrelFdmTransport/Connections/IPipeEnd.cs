using System;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// An end of a pipe at which the application may wait. As a work item it runs the continuation that was dispatched.
/// </summary>
internal interface IPipeEnd : IThreadPoolWorkItem
{
    /// <summary>True if a wait would be over.</summary>
    bool IsReady { get; }

    /// <summary>The application has broken the contract of a pipe: what waits fails.</summary>
    void Fail(Exception error);

    /// <summary>The token of a wait was cancelled; perhaps of one that is over.</summary>
    void OnTokenCancelled();
}
