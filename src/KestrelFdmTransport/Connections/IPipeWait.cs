using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>An end of a pipe at which the application may wait; as a work item it runs the continuation that was scheduled.</summary>
internal interface IPipeWait : IThreadPoolWorkItem
{
    /// <summary>True if a wait would be over.</summary>
    bool IsReady { get; }
}
